// The only file that includes CLI11, which alone takes over two seconds to compile.
#include "tools/asyncio/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <limits>

#include "tools/asyncio/embedded.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/sizes.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

using Read = std::function<void(const std::string& text)>;

constexpr unsigned kMostConnections = 1'000'000;

unsigned parse_unsigned(std::string_view text, unsigned smallest, unsigned largest) {
  return static_cast<unsigned>(parse_count(text, smallest, largest));
}

// Our parsers know nothing of options; CLI11's errors begin with the option's name.
Read naming(std::string name, Read read) {
  return
      [name = name.substr(name.rfind(',') + 1), read = std::move(read)](const std::string& text) {
        try {
          read(text);
        } catch (const UsageError& error) {
          throw CLI::ValidationError(name, error.what());
        }
      };
}

CLI::Option* value(CLI::App* app, const std::string& name, const char* kind, const char* text,
                   Read read) {
  return app->add_option_function<std::string>(name, naming(name, std::move(read)), text)
      ->type_name(kind)
      ->take_last();
}

// Without a value, `read` gets an empty text.
CLI::Option* value_or_nothing(CLI::App* app, const std::string& name, const char* kind,
                              const char* text, Read read) {
  return value(app, name, kind, text, std::move(read))->expected(0, 1);
}

CLI::Option* values(CLI::App* app, const std::string& name, const char* kind, const char* text,
                    Read read) {
  auto each = [read = naming(name, std::move(read))](const std::vector<std::string>& all) {
    for (const std::string& one : all) read(one);
  };
  return app->add_option_function<std::vector<std::string>>(name, each, text)
      ->type_name(kind)
      ->allow_extra_args(false);
}

std::string check_url(const std::string& url) {
  bool printable =
      std::none_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c == 0x7F; });
  if (!printable || !(url.starts_with("http://") || url.starts_with("https://"))) {
    throw UsageError(quote(url) + " is not an http:// or https:// address");
  }
  return url;
}

std::pair<std::string, std::string> parse_header(const std::string& text) {
  std::size_t colon = text.find(':');
  bool one_line = text.find_first_of(std::string("\r\n\0", 3)) == std::string::npos;
  if (colon == 0 || colon == std::string::npos || !one_line) {
    throw UsageError(quote(text) + " is not a header: write 'Name: value'");
  }
  std::size_t begin = text.find_first_not_of(' ', colon + 1);
  return {text.substr(0, colon), begin == std::string::npos ? "" : text.substr(begin)};
}

std::string or_stdout(const std::string& text) { return text.empty() ? "-" : text; }

// ---- compare -----------------------------------------------------------------------------------

constexpr const char* kCompareExamples = R"(Examples:
  asyncio compare                                  the articles' sizes, our own page server
  asyncio compare --sizes 50:450:50 --html report.html
  asyncio compare --arms threads:32,asyncio --delay 400ms --limit 0
  asyncio compare --input urls.txt --csv times.csv
  asyncio compare --workload cpu                   where an event loop does not help)";

void add_compare_workload(CLI::App* app, CompareOptions& options) {
  value(app, "--sizes", "LIST", "how many pages: 1,10,50,100,500 (the default) or start:stop:step",
        [&options](const std::string& text) {
          options.sizes = parse_sizes(text);
          options.sizes_given = true;
        });
  value(app, "--arms", "LIST", "what to compare: sequential,threads:8,processes:8,asyncio,python",
        [&options](const std::string& text) { options.arms = parse_arms(text); });
  value(app, "--workload", "KIND", "io: fetch pages (the default); cpu: compute, about 5 ms each",
        [&options](const std::string& text) {
          if (text != "io" && text != "cpu")
            throw UsageError(quote(text) + " is neither io nor cpu");
          options.workload = text == "cpu" ? Workload::cpu : Workload::io;
        });
  value(app, "--delay", "TIME", "of each answer of our server (default 100ms)",
        [&options](const std::string& text) { options.delay = parse_duration(text); });
  value(app, "--page-size", "SIZE", "of each page of our server (default 13k)",
        [&options](const std::string& text) { options.page_bytes = parse_size(text); });
  values(app, "--url", "URL", "fetch this instead of our server's pages; may be repeated",
         [&options](const std::string& text) { options.urls.push_back(check_url(text)); });
  value(app, "--input", "FILE", "fetch the addresses in FILE, one per line; - is stdin",
        [&options](const std::string& text) { options.input_file = text; });
}

void add_compare_limits(CLI::App* app, CompareOptions& options) {
  value(app, "--limit", "N", "connections of asyncio and python (default 100, 0: no limit)",
        [&options](const std::string& text) {
          options.limit = parse_unsigned(text, 0, kMostConnections);
        });
  value(app, "--timeout", "TIME", "of one request (default 60s)",
        [&options](const std::string& text) {
          options.timeout = parse_duration(text);
          if (options.timeout.count() == 0)
            throw UsageError("a timeout of 0 would fail every request");
        });
  value(app, "--sequential-bound", "TIME",
        "measure sequential so long, extrapolate the rest (default 10s, 0: measure all)",
        [&options](const std::string& text) { options.sequential_bound = parse_duration(text); });
  value(app, "--repeat", "N", "runs of each arm and size; the median counts (default 1)",
        [&options](const std::string& text) { options.repeat = parse_unsigned(text, 1, 1000); });
}

void add_compare_output(CLI::App* app, CompareOptions& options) {
  value_or_nothing(app, "--json", "[FILE]", "one JSON document, to stdout or FILE",
                   [&options](const std::string& text) { options.json_file = or_stdout(text); });
  value_or_nothing(app, "--csv", "[FILE]", "n,process,time_taken,..., to stdout or FILE",
                   [&options](const std::string& text) { options.csv_file = or_stdout(text); });
  value(app, "--html", "FILE", "a page with an interactive chart; needs no network",
        [&options](const std::string& text) {
          if (text.empty()) throw UsageError("the file name is empty");
          options.html_file = text;
        });
  app->add_flag_callback(
      "--no-progress", [&options] { options.progress = false; }, "no progress on stderr");
}

void finish_compare(CompareOptions& options) {
  int to_stdout =
      (options.json_file == "-") + (options.csv_file == "-") + (options.html_file == "-");
  if (to_stdout > 1) {
    throw UsageError("--json, --csv, --html: only one of them can go to standard output");
  }
  bool own_urls = !options.urls.empty() || !options.input_file.empty();
  if (own_urls && options.workload == Workload::cpu) {
    throw UsageError("--workload: cpu fetches nothing, so --url and --input have no meaning");
  }
}

// ---- fetch -------------------------------------------------------------------------------------

constexpr const char* kFetchExamples = R"(Examples:
  asyncio fetch https://example.org                to standard output
  asyncio fetch -i urls.txt -c 20 -o pages         20 at once, one file each
  cat urls.txt | asyncio fetch -i - --json -o pages
Exit codes: 0 all fine, 1 some failed, 2 bad usage, 3 nothing reachable, 130 interrupted)";

void add_fetch_transfer(CLI::App* app, FetchOptions& options) {
  app->add_option("urls", options.urls, "what to fetch")->type_name("URL");
  value(app, "-i,--input", "FILE", "addresses, one per line; - is stdin",
        [&options](const std::string& text) { options.input_file = text; });
  value(app, "-c,--connections", "N", "at once, in all (default 100)",
        [&options](const std::string& text) {
          options.connections = parse_unsigned(text, 1, kMostConnections);
        });
  value(app, "--per-host", "N", "at once, to one host (default 0: as many as in all)",
        [&options](const std::string& text) {
          options.connections_per_host = parse_unsigned(text, 0, kMostConnections);
        });
  value(app, "--retries", "N", "after the first try, with growing pauses (default 2)",
        [&options](const std::string& text) { options.retries = parse_unsigned(text, 0, 1000); });
  value(app, "--timeout", "TIME", "of one request (default 60s, 0: none)",
        [&options](const std::string& text) { options.timeout = parse_duration(text); });
  value(app, "--total-timeout", "TIME", "of all together (default: none)",
        [&options](const std::string& text) { options.total_timeout = parse_duration(text); });
  value(app, "--max-redirects", "N", "followed for one address (default 10)",
        [&options](const std::string& text) {
          options.max_redirects = parse_unsigned(text, 0, 1000);
        });
  values(app, "-H,--header", "HEADER", "'Name: value', sent with every request; may be repeated",
         [&options](const std::string& text) { options.headers.push_back(parse_header(text)); });
}

void check_key(const std::string& key_file, const std::string& cert_file) {
  if (!key_file.empty() && cert_file.empty()) throw UsageError("--key: it needs --cert");
}

std::string named_file(const std::string& text) {
  if (text.empty()) throw UsageError("the file name is empty");
  return text;
}

void add_fetch_tls(CLI::App* app, FetchOptions& options) {
  app->add_flag("-k,--insecure", options.insecure, "take any certificate of a server");
  value(app, "--cacert", "FILE", "trust these certificates (PEM), not the system's",
        [&options](const std::string& text) { options.ca_file = named_file(text); });
  value(app, "--cert", "FILE", "our own certificate (PEM), for servers that ask for one",
        [&options](const std::string& text) { options.cert_file = named_file(text); });
  value(app, "--key", "FILE", "its private key (default: in the same file)",
        [&options](const std::string& text) { options.key_file = named_file(text); });
}

void add_fetch_output(CLI::App* app, FetchOptions& options) {
  value(app, "-o,--output", "DIR", "a file per address in DIR instead of standard output (or -)",
        [&options](const std::string& text) {
          if (text.empty()) throw UsageError("the folder name is empty");
          options.output_folder = text == "-" ? std::string() : text;
        });
  app->add_flag("--force", options.force, "overwrite files in DIR");
  app->add_flag("--json", options.json, "one line per address on standard output");
  app->add_flag("-q,--quiet", options.quiet, "no progress bar and no summary");
}

void finish_fetch(FetchOptions& options) {
  if (options.urls.empty() && options.input_file.empty()) {
    throw UsageError("URL: nothing to fetch: give addresses or -i FILE");
  }
  check_key(options.key_file, options.cert_file);
  if (options.insecure && !options.ca_file.empty()) {
    throw UsageError("--insecure: it trusts everybody, so --cacert has no meaning");
  }
  if (options.connections_per_host == 0) options.connections_per_host = options.connections;
}

// ---- serve -------------------------------------------------------------------------------------

constexpr const char* kServeExamples = R"(Examples:
  asyncio serve --delay 100ms --size 13k           any path is a page; Ctrl-C ends it
  asyncio serve --port 8080 public                 the files in ./public
  asyncio serve --workers 0 public                 the same on all cores
  asyncio serve --tls                              https, with a certificate made on the spot
  asyncio serve --tls --cert cert.pem --key key.pem public
  asyncio serve --delay 50ms --jitter 20ms --fail 1% --seed 7)";

struct ServeDraft {
  ServeOptions options;
  bool jitter_from_delay = false;
};

void add_serve(CLI::App* app, ServeDraft& draft) {
  ServeOptions& options = draft.options;
  app->add_option_function<std::string>(
         "dir", [&options](const std::string& text) { options.directory = text; },
         "serve these files; without it, generated pages")
      ->type_name("DIR");
  value(app, "--host", "ADDRESS", "to listen on (default 127.0.0.1)",
        [&options](const std::string& text) { options.host = text; });
  value(app, "-p,--port", "N", "to listen on (default 8000, 0: any free one)",
        [&options](const std::string& text) {
          options.port = static_cast<std::uint16_t>(parse_count(text, 0, 65535));
        });
  value(app, "--delay", "TIME", "before each answer (default 0)",
        [&options](const std::string& text) { options.delay = parse_duration(text); });
  value_or_nothing(app, "--jitter", "[TIME]",
                   "each delay varies by up to TIME (alone: half the delay)",
                   [&draft](const std::string& text) {
                     draft.jitter_from_delay = text.empty();
                     if (!draft.jitter_from_delay) draft.options.jitter = parse_duration(text);
                   });
  value(app, "--size", "SIZE", "of generated pages (default 13k)",
        [&options](const std::string& text) { options.page_bytes = parse_size(text); });
  value(app, "--fail", "PERCENT", "this share of answers is a 500, for instance 1%",
        [&options](const std::string& text) { options.fail_share = parse_percent(text); });
  value(app, "--seed", "N", "of jitter and failures (default 0)",
        [&options](const std::string& text) {
          options.seed = parse_count(text, 0, std::numeric_limits<std::uint64_t>::max());
        });
  value(app, "--workers", "N", "threads that share the port, 0: one per core (default 1)",
        [&options](const std::string& text) {
          options.workers = static_cast<std::size_t>(parse_count(text, 0, 1024));
        });
  app->add_flag("--tls", options.tls, "https; without --cert with a certificate made on the spot");
  value(app, "--cert", "FILE", "certificate chain (PEM)",
        [&options](const std::string& text) { options.cert_file = named_file(text); });
  value(app, "--key", "FILE", "its private key (default: in the same file)",
        [&options](const std::string& text) { options.key_file = named_file(text); });
  app->add_flag("-q,--quiet", options.quiet, "no line per request");
  value(app, "--ready-fd", "FD", "", [&options](const std::string& text) {
    options.ready_fd = static_cast<int>(parse_count(text, 0, 1'000'000));
  })->group("");
}

void finish_serve(const ServeOptions& options) {
  const bool certificate = !options.cert_file.empty() || !options.key_file.empty();
  if (certificate && !options.tls) throw UsageError("--cert, --key: they need --tls");
  check_key(options.key_file, options.cert_file);
}

// ---- all ---------------------------------------------------------------------------------------

struct Parser {
  CLI::App app{"Many things at once, with one thread.", "asyncio"};
  CompareOptions compare;
  FetchOptions fetch;
  ServeDraft serve;
  CLI::App* compare_app = nullptr;
  CLI::App* fetch_app = nullptr;
  CLI::App* serve_app = nullptr;

  Parser() {
    // Before the commands are added: they inherit it.
    app.get_formatter()->column_width(30);
    app.set_version_flag("--version", "asyncio " + std::string(embedded::version()), "the version");
    app.set_help_flag("-h,--help", "this help");
    app.footer("asyncio <command> --help explains one command, with examples.");
    // We name unknown options ourselves: CLI11 would list every argument it did not expect.
    app.allow_extras();
    app.require_subcommand(0, 1);
    compare_app =
        app.add_subcommand("compare", "Fetch N pages one by one, with pools, and with asyncio");
    compare_app->footer(kCompareExamples);
    add_compare_workload(compare_app, compare);
    add_compare_limits(compare_app, compare);
    add_compare_output(compare_app, compare);
    fetch_app = app.add_subcommand("fetch", "Download many addresses at once");
    fetch_app->footer(kFetchExamples);
    add_fetch_transfer(fetch_app, fetch);
    add_fetch_tls(fetch_app, fetch);
    add_fetch_output(fetch_app, fetch);
    serve_app = app.add_subcommand("serve", "Serve pages with delays and failures, or files");
    serve_app->footer(kServeExamples);
    add_serve(serve_app, serve);
  }

  void parse(const std::vector<std::string>& arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    app.parse(std::move(reversed));
  }
};

// "--sizes: 1 required TEXT missing" in our words; what() begins with the option's name.
std::string missing_value_text(const std::string& what) {
  return what.substr(0, what.find(':')) + ": a value is missing";
}

void refuse_leftovers(const CLI::App& app) {
  std::vector<std::string> left = app.remaining();
  if (left.empty()) return;
  bool option = left.front().size() > 1 && left.front().front() == '-';
  throw UsageError((option ? "unknown option " : "unexpected argument ") + quote(left.front()));
}

Command command_of(Parser& parser, const std::vector<std::string>& arguments) {
  if (parser.compare_app->parsed()) {
    refuse_leftovers(*parser.compare_app);
    finish_compare(parser.compare);
    std::vector<std::string> words = {"asyncio"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    parser.compare.command_line = shell_line(words);
    return parser.compare;
  }
  if (parser.fetch_app->parsed()) {
    refuse_leftovers(*parser.fetch_app);
    finish_fetch(parser.fetch);
    return parser.fetch;
  }
  if (parser.serve_app->parsed()) {
    refuse_leftovers(*parser.serve_app);
    finish_serve(parser.serve.options);
    if (parser.serve.jitter_from_delay)
      parser.serve.options.jitter = parser.serve.options.delay / 2;
    return parser.serve.options;
  }
  std::vector<std::string> left = parser.app.remaining();
  if (left.empty())
    throw UsageError("a command is missing: compare, fetch or serve; see asyncio --help");
  if (left.front().starts_with("-")) throw UsageError("unknown option " + quote(left.front()));
  throw UsageError("unknown command " + quote(left.front()) + ": choose compare, fetch or serve");
}

std::string program_and_command(const Parser& parser) {
  for (const CLI::App* command : {parser.compare_app, parser.fetch_app, parser.serve_app}) {
    if (command->parsed()) return "asyncio " + command->get_name();
  }
  return "asyncio";
}

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "__arm") return ArmCommand{};
  Parser parser;
  auto fail = [&parser](const std::string& text) {
    return UsageError(program_and_command(parser) + ": " + text);
  };
  try {
    parser.parse(arguments);
    return command_of(parser, arguments);
  } catch (const CLI::CallForHelp&) {
    return PrintText{parser.app.help()};
  } catch (const CLI::CallForVersion& version) {
    return PrintText{std::string(version.what()) + "\n"};
  } catch (const CLI::ArgumentMismatch& error) {
    throw fail(missing_value_text(error.what()));
  } catch (const CLI::Error& error) {
    throw fail(fit(escape_controls(error.what()), 400));
  } catch (const UsageError& error) {
    throw fail(error.what());
  }
}

std::string shell_line(const std::vector<std::string>& arguments) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=@%+";
  std::string line;
  for (const std::string& argument : arguments) {
    if (!line.empty()) line += ' ';
    if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) {
      line += argument;
      continue;
    }
    line += '\'';
    for (char c : argument) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace asyncio::tool
