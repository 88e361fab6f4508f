//! Hello world: what a process costs that does next to nothing. bench/startup is ours.

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("hello");
    tokio::task::yield_now().await;
    println!("world");
}
