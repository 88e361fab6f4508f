#include "tools/asyncio/report_page.hpp"

#include <algorithm>
#include <vector>

#include "tools/asyncio/embedded.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

std::string items_of(const Report& report) {
  return report.workload == Workload::cpu ? "jobs" : "pages";
}

std::vector<ReportRow> rows_of_largest_n(const Report& report) {
  std::size_t largest = 0;
  for (const ReportRow& row : report.rows) largest = std::max(largest, row.n);
  std::vector<ReportRow> rows;
  for (const ReportRow& row : report.rows) {
    if (row.n == largest) rows.push_back(row);
  }
  return rows;
}

bool faster(const ReportRow& a, const ReportRow& b) { return a.seconds < b.seconds; }

std::string about(const ReportRow& row, const std::string& text) {
  return row.extrapolated ? "≈ " + text : text;
}

std::string ratio_text(const ReportRow& row) {
  if (!row.ratio_to_asyncio) return "–";
  return about(row, format_ratio(*row.ratio_to_asyncio) + "×");
}

// "Bars" at the largest n: the first thing seen, and readable without JavaScript.
std::string bars_html(const Report& report) {
  std::vector<ReportRow> rows = rows_of_largest_n(report);
  if (rows.empty()) return "";
  double slowest = std::max_element(rows.begin(), rows.end(), faster)->seconds;
  std::string out;
  for (const ReportRow& row : rows) {
    std::string failed =
        row.failures == 0 ? "" : " <b class=\"bad\">" + format_count(row.failures) + " failed</b>";
    double share = slowest > 0 ? row.seconds / slowest * 100 : 0;
    std::string kind = row.arm == "asyncio" ? " ours" : "";
    if (row.extrapolated) kind += " guess";
    out += "<li class=\"bar" + kind + "\"><span class=\"name\">" + html_escape(row.arm) + failed +
           "</span><span class=\"track\"><i style=\"width:" + plain_number(share) +
           "%\"></i></span><span class=\"time\">" + about(row, format_duration(row.seconds)) +
           "</span><span class=\"ratio\">" + ratio_text(row) + "</span></li>\n";
  }
  return out;
}

std::string table_row_html(const ReportRow& row, bool first_of_n) {
  std::string kind = row.arm == "asyncio" ? "ours" : "";
  if (first_of_n) kind += " first";
  std::string out = "<tr class=\"" + kind + "\">";
  auto cell = [&out](const std::string& text, const char* title = "") {
    out += "<td" + (*title != '\0' ? " title=\"" + html_escape(title) + "\"" : "") + ">" + text +
           "</td>";
  };
  out += "<th scope=\"row\">" + html_escape(row.arm) + "</th>";
  cell(format_count(row.n));
  cell(about(row, format_duration(row.seconds)));
  cell(ratio_text(row));
  cell(about(row, format_duration(row.cpu_seconds)));
  cell(format_bytes(row.peak_memory_bytes));
  cell(format_count(row.threads));
  cell(format_count(row.processes));
  cell(row.failures == 0 ? "0" : "<b class=\"bad\">" + format_count(row.failures) + "</b>");
  return out + "</tr>\n";
}

std::string table_html(const Report& report) {
  std::string out;
  std::size_t last_n = 0;
  for (const ReportRow& row : report.rows) {
    out += table_row_html(row, row.n != last_n);
    last_n = row.n;
  }
  return out;
}

std::string notes_html(const Report& report) {
  std::string out;
  for (const ReportRow& row : report.rows) {
    if (row.note.empty()) continue;
    out += "<li><b>" + html_escape(row.arm) + ", n = " + format_count(row.n) +
           "</b>: " + html_escape(row.note) + "</li>\n";
  }
  for (const std::string& note : report.notes) out += "<li>" + html_escape(note) + "</li>\n";
  return out.empty() ? "" : "<ul class=\"notes\">\n" + out + "</ul>";
}

std::string facts_html(const Report& report) {
  std::string out;
  auto fact = [&out](const std::string& name, const std::string& value) {
    out += "<div><dt>" + html_escape(name) + "</dt><dd>" + html_escape(value) + "</dd></div>\n";
  };
  const Machine& machine = report.machine;
  fact("measured", report.started_at);
  if (report.workload == Workload::io) {
    fact("pages", report.source);
    fact("connections", report.limit == 0 ? "no limit for asyncio and python"
                                          : "at most " + format_count(report.limit) +
                                                " at once for asyncio and python");
  } else {
    fact("job", report.source);
  }
  fact("runs", report.repeat == 1 ? "one of each" : "median of " + format_count(report.repeat));
  fact("machine", machine.processor + ", " + format_count(machine.cores) + " cores, " +
                      format_bytes(machine.memory_bytes));
  fact("system", machine.system);
  for (const auto& [name, version] : report.versions) fact(name, version);
  return out;
}

std::string explanation(const Report& report) {
  if (report.workload == Workload::cpu) {
    return "Each job computes for about 5 ms and waits for nothing. One thread cannot compute "
           "faster by "
           "switching between tasks, so here pools win, up to the number of cores.";
  }
  return "Every arm reads each page whole and checks its length. The blocking arms use libcurl "
         "with one "
         "connection per worker, kept open; asyncio is one thread with this library's HTTP client.";
}

}  // namespace

Headline headline(const Report& report) {
  std::vector<ReportRow> rows = rows_of_largest_n(report);
  if (rows.empty()) return {"Nothing was measured", ""};
  std::string what = format_count(rows.front().n) + " " + items_of(report);
  std::erase_if(rows, [](const ReportRow& row) { return row.failures > 0 || row.extrapolated; });
  if (rows.empty()) return {what, "no arm did all of it"};
  const ReportRow& best = *std::min_element(rows.begin(), rows.end(), faster);
  return {what + " in " + format_duration(best.seconds), "with " + best.arm};
}

std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string out;
  while (true) {
    std::size_t open = text.find("{{");
    std::size_t close = open == std::string_view::npos ? open : text.find("}}", open);
    if (close == std::string_view::npos) return out.append(text);
    std::string name(text.substr(open + 2, close - open - 2));
    auto value = values.find(name);
    if (value == values.end()) throw ToolError("internal: the page has no value for " + name);
    out.append(text.substr(0, open)).append(value->second);
    text.remove_prefix(close + 2);
  }
}

std::string render_page(const Report& report) {
  std::vector<ReportRow> rows = rows_of_largest_n(report);
  std::size_t n = rows.empty() ? 0 : rows.front().n;
  Headline head = headline(report);
  return fill_template(embedded::report_html(),
                       {{"TITLE", html_escape(head.text)},
                        {"HEADLINE", html_escape(head.text)},
                        {"BY", html_escape(head.by)},
                        {"LARGEST", format_count(n) + " " + items_of(report)},
                        {"ITEMS", items_of(report)},
                        {"EXPLANATION", html_escape(explanation(report))},
                        {"BARS", bars_html(report)},
                        {"ROWS", table_html(report)},
                        {"NOTES", notes_html(report)},
                        {"FACTS", facts_html(report)},
                        {"COMMAND", html_escape(report.command)},
                        {"VERSION", html_escape(embedded::version())},
                        {"CSS", std::string(embedded::report_css())},
                        {"CHART_JS", std::string(embedded::chart_js())},
                        {"DATA", render_json(report)},
                        {"SCRIPT", std::string(embedded::report_js())}});
}

}  // namespace asyncio::tool
