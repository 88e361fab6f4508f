//! hyper-util's pooling client on tokio's current_thread, a task per request in flight. The same
//! arguments and answers as bench/http/client.cpp.
use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::{HeaderValue, CONNECTION};
use hyper::{Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::LocalSet;

type Error = Box<dyn std::error::Error + Send + Sync>;
type HttpClient = Client<HttpConnector, Empty<Bytes>>;

#[derive(Default)]
struct Work {
    left: Cell<usize>,
    completed: Cell<usize>,
    failed: Cell<usize>,
    bytes: Cell<usize>,
}

async fn get_page(client: &HttpClient, uri: &Uri, close: bool) -> Result<usize, Error> {
    let mut request = Request::get(uri.clone()).body(Empty::new())?;
    if close {
        request
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let response = client.request(request).await?;
    if response.status().as_u16() >= 400 {
        return Err(response.status().to_string().into());
    }
    Ok(response.into_body().collect().await?.to_bytes().len())
}

async fn get_pages(client: HttpClient, uri: Uri, close: bool, work: Rc<Work>) {
    while work.left.get() > 0 {
        work.left.set(work.left.get() - 1);
        match get_page(&client, &uri, close).await {
            Ok(size) => {
                work.completed.set(work.completed.get() + 1);
                work.bytes.set(work.bytes.get() + size);
            }
            Err(error) => {
                if work.failed.replace(work.failed.get() + 1) == 0 {
                    eprintln!("{error:?}");
                }
            }
        }
    }
}

async fn run_load(
    client: &HttpClient,
    uri: &Uri,
    requests: usize,
    in_flight: usize,
    close: bool,
) -> Rc<Work> {
    let work = Rc::new(Work::default());
    work.left.set(requests);
    let workers = LocalSet::new();
    for _ in 0..in_flight {
        workers.spawn_local(get_pages(client.clone(), uri.clone(), close, work.clone()));
    }
    workers.await;
    work
}

fn cpu_seconds() -> f64 {
    // SAFETY: getrusage only writes to the struct that it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    [usage.ru_utime, usage.ru_stime]
        .iter()
        .map(|time| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6)
        .sum()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let uri: Uri = arguments[1].parse()?;
    let requests: usize = arguments[2].parse()?;
    let in_flight: usize = arguments[3].parse()?;
    let warm_up: usize = arguments[4].parse()?;
    let close = arguments.get(5).is_some_and(|word| word == "close");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: HttpClient = Client::builder(TokioExecutor::new()).build(connector);
    if warm_up > 0 {
        run_load(&client, &uri, warm_up, in_flight, close).await;
    }
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let work = run_load(&client, &uri, requests, in_flight, close).await;
    let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    println!(
        "completed {}\nfailed {}\nbytes {}\ncpu {cpu:.6}\nwall {wall:.6}",
        work.completed.get(),
        work.failed.get(),
        work.bytes.get()
    );
    Ok(())
}
