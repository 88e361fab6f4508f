#include "bench/runner/page.hpp"

#include <cstdio>

#include "bench/runner/chart.hpp"
#include "tools/asyncio/text.hpp"

namespace bench {
namespace {

using asyncio::tool::html_escape;

constexpr const char* kStyle = R"(
:root { --ink: #1d2129; --soft: #667085; --paper: #fff; --rule: #e4e7ec; --ours: #d6452b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --soft: #98a2b3; --paper: #16181d; --rule: #2c313a; --ours: #ff7a5c; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { margin: 2.5rem 0 .2rem; font-size: 1.2rem; }
p, dl { color: var(--soft); margin: .2rem 0 .8rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; font-size: 13px; }
dd { margin: 0; }
svg { width: 100%; height: auto; overflow: visible; } svg text { font-size: 12px; fill: var(--ink); }
.grid { stroke: var(--rule); } .ours { stroke: var(--ours); stroke-width: 2; }
circle { fill-opacity: .85; stroke: var(--paper); }
.curve { fill: none; stroke-width: 2; }
.legend span { display: inline-block; margin-right: 1.1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%;
            margin-right: .35rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--rule); text-align: right;
         white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td small { color: var(--soft); }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--soft); }
ul { columns: 2; list-style: none; padding: 0; }
.met { color: #2e9e5b; } .missed { color: var(--ours); }
)";

std::string cell(const ItemReport& report, const ItemReport::Row& row, const ItemReport::Arm& arm) {
  const Figure* figure = row.figure(arm.name);
  if (figure == nullptr) return "<td>-</td>";
  char spread[48] = "";
  if (figure->values().size() > 1) {
    std::snprintf(spread, sizeof spread, " ±%.0f%%", figure->spread_percent());
  }
  std::string out = "<td>" + format_number(figure->median()) + "<small>" + spread;
  const Figure* ours = row.figure(report.ours());
  if (arm.role == ItemReport::Role::peer && ours != nullptr && figure->median() != 0) {
    out += " / " + format_number(ours->ratio_to(*figure));
  }
  return out + "</small></td>";
}

std::string table(const ItemReport& report) {
  std::string out = "<div class=\"wide\"><table><tr><th></th><th></th>";
  for (const ItemReport::Arm& arm : report.arms()) out += "<th>" + html_escape(arm.name) + "</th>";
  out += "</tr>\n";
  for (const ItemReport::Row& row : report.rows()) {
    out += "<tr><td>" + html_escape(row.name) + "</td><td>" + html_escape(row.unit) + "</td>";
    for (const ItemReport::Arm& arm : report.arms()) out += cell(report, row, arm);
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string goals(const ItemReport& report) {
  std::string out;
  for (const Goal& goal : report.goals()) {
    const Verdict verdict = judge(report, goal);
    if (!verdict.measured) continue;
    out += std::string("<li class=\"") + (verdict.met ? "met\">✓ " : "missed\">✗ ") +
           html_escape(goal_text(report, goal)) + ": <b>" + format_number(verdict.value) +
           "</b></li>\n";
  }
  return out.empty() ? out
                     : "<details open><summary>goals</summary><ul>\n" + out + "</ul></details>\n";
}

std::string legend(const ItemReport& report, const Colours& colours) {
  std::string out = "<p class=\"legend\">";
  for (const ItemReport::Arm& arm : report.arms()) {
    if (arm.role != ItemReport::Role::peer && !report.growth()) continue;
    out += "<span><i style=\"background:" + colours.at(arm.name) + "\"></i>" +
           html_escape(arm.name) + "</span>";
  }
  return out + "</p>\n";
}

std::string section(const ItemReport& report, const Colours& colours) {
  std::string out = "<section id=\"" + html_escape(report.name()) + "\"><h2>" +
                    html_escape(report.name()) + "</h2>\n<p>" + html_escape(report.title()) +
                    "</p>\n";
  const std::string chart =
      report.growth() ? growth_charts(report, colours) : ratio_chart(report, colours);
  if (!chart.empty()) out += legend(report, colours) + chart;
  out += goals(report);
  out +=
      "<details><summary>figures: median of the rounds ± spread / ours divided by it</summary>\n" +
      table(report) + "</details>\n";
  for (const std::string& note : report.notes()) out += "<p>" + html_escape(note) + "</p>\n";
  return out + "</section>\n";
}

std::string list(const Description& description) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : description) {
    out += "<dt>" + html_escape(name) + "</dt><dd>" + html_escape(value) + "</dd>\n";
  }
  return out + "</dl>\n";
}

}  // namespace

// Items of one run stand together, below what there is to know of that run.
std::string to_html(const std::vector<ItemReport>& reports) {
  const Colours colours = choose_colours(reports);
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<title>asyncio-cpp beside its peers</title>\n<style>" +
      std::string(kStyle) + "</style></head>\n<body><h1>asyncio-cpp beside its peers</h1>\n";
  out +=
      "<p>What one operation costs, CPU time, measured in turn on one machine. A dot right of the "
      "red "
      "line is a peer that costs more than we do, left of it one that costs less.</p>\n";
  const Description* said = nullptr;
  for (const ItemReport& report : reports) {
    if (said == nullptr || *said != report.description()) out += list(report.description());
    said = &report.description();
    out += section(report, colours);
  }
  return out + "</body></html>\n";
}

}  // namespace bench
