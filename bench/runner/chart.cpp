#include "bench/runner/chart.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <optional>

#include "tools/asyncio/text.hpp"

namespace bench {
namespace {

using asyncio::tool::html_escape;

// In units of the drawing; the browser scales it.
constexpr double kWidth = 960;
constexpr double kNames = 330;  // the names of the rows, left of the plot
constexpr double kRight = 30;
constexpr double kLine = 24;
constexpr double kTop = 34;

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", value);
  return buffer;
}

std::string line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) +
         "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>\n";
}

std::string text(double x, double y, const char* anchor, const std::string& words) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
         html_escape(words) + "</text>\n";
}

std::string dot(double x, double y, const std::string& colour, const std::string& tip) {
  return "<circle cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"5\" fill=\"" + colour +
         "\"><title>" + html_escape(tip) + "</title></circle>\n";
}

std::string open_drawing(double width, double height, const std::string& label) {
  return "<svg role=\"img\" aria-label=\"" + html_escape(label) + "\" viewBox=\"0 0 " +
         number(width) + " " + number(height) + "\" style=\"max-width:" + number(width) + "px\">\n";
}

// 1, 2 and 5 times the powers of ten, from the last that is not above `least` to the first that is
// not below `greatest`; over more than three decades the powers alone.
std::vector<double> choose_ticks(double least, double greatest) {
  const bool wide = greatest / least > 1000;
  std::vector<double> ticks;
  for (int power = int(std::floor(std::log10(least) - 1e-9)); power < 13; ++power) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (wide && step > 1) continue;
      const double tick = step * std::pow(10, power);
      if (tick <= least * 1.0001) ticks.clear();
      ticks.push_back(tick);
      if (tick >= greatest * 0.9999 && ticks.size() > 1) return ticks;
    }
  }
  return ticks;
}

// From value to place, logarithmic, with a tick at both ends.
struct Scale {
  std::vector<double> ticks;
  double begin;  // places
  double end;

  [[nodiscard]] double at(double value) const {
    const double low = std::log10(ticks.front());
    const double high = std::log10(ticks.back());
    return begin + (std::log10(value) - low) / (high - low) * (end - begin);
  }
};

// "0.1", "1", "10", "1,000"
std::string tick_text(double tick) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, tick < 1 ? "%g" : "%.0f", tick);
  std::string digits = buffer;
  if (tick < 1) return digits;
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

bool more_is_better(const ItemReport::Row& row) {
  return row.unit.empty() || row.unit.ends_with("/s");
}

struct RatioRow {
  const ItemReport::Row* row;
  std::vector<std::pair<std::string, double>> peers;  // peer / ours
};

std::vector<RatioRow> ratio_rows(const ItemReport& report) {
  std::vector<RatioRow> rows;
  for (const ItemReport::Row& row : report.rows()) {
    const Figure* ours = row.figure(report.ours());
    if (ours == nullptr || !(ours->median() > 0) || more_is_better(row)) continue;
    RatioRow found{&row, {}};
    for (const ItemReport::Arm& arm : report.arms()) {
      const Figure* figure = row.figure(arm.name);
      if (arm.role != ItemReport::Role::peer || figure == nullptr || !(figure->median() > 0)) {
        continue;
      }
      found.peers.emplace_back(arm.name, 1 / ours->ratio_to(*figure));
    }
    if (!found.peers.empty()) rows.push_back(std::move(found));
  }
  return rows;
}

Scale ratio_scale(const std::vector<RatioRow>& rows) {
  double least = 1;
  double greatest = 2;
  for (const RatioRow& row : rows) {
    for (const auto& [peer, ratio] : row.peers) {
      least = std::min(least, ratio);
      greatest = std::max(greatest, ratio);
    }
  }
  return {choose_ticks(least, greatest), kNames, kWidth - kRight};
}

// The number in a row's name, and the name without it: "sleep(0), 1,000 tasks".
struct Numbered {
  std::string series;
  double number = 0;
};

// "10,000" at that place of a text, and where it ends: commas belong to it before three digits.
std::optional<std::pair<double, std::size_t>> read_number(const std::string& text, std::size_t at) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  if (!digit(at) || (at > 0 && std::isgraph(static_cast<unsigned char>(text[at - 1])) != 0)) {
    return std::nullopt;
  }
  double value = 0;
  while (digit(at) || (text[at] == ',' && digit(at + 1) && digit(at + 2) && digit(at + 3))) {
    if (text[at] != ',') value = value * 10 + (text[at] - '0');
    if (++at == text.size()) break;
  }
  return std::pair{value, at};
}

// The last number counts: "64 B to 100 connections".
std::optional<Numbered> numbered(const std::string& name) {
  for (std::size_t at = name.size(); at-- > 0;) {
    const auto found = read_number(name, at);
    if (found) return Numbered{name.substr(0, at) + "N" + name.substr(found->second), found->first};
  }
  return std::nullopt;
}

struct Curve {
  std::string arm;
  std::vector<std::pair<double, double>> points;
};

struct Series {
  std::string name;
  std::string unit;
  std::vector<Curve> curves;
};

std::vector<Series> read_series(const ItemReport& report) {
  std::vector<Series> all;
  for (const ItemReport::Row& row : report.rows()) {
    const std::optional<Numbered> at = numbered(row.name);
    if (!at || at->number <= 0 || row.unit.ends_with("/s")) continue;
    auto series = std::find_if(all.begin(), all.end(),
                               [&](const Series& one) { return one.name == at->series; });
    if (series == all.end()) series = all.insert(all.end(), Series{at->series, row.unit, {}});
    for (const ItemReport::Arm& arm : report.arms()) {
      const Figure* figure = row.figure(arm.name);
      if (figure == nullptr || !(figure->median() > 0)) continue;
      auto curve = std::find_if(series->curves.begin(), series->curves.end(),
                                [&](const Curve& one) { return one.arm == arm.name; });
      if (curve == series->curves.end()) {
        curve = series->curves.insert(series->curves.end(), Curve{arm.name, {}});
      }
      curve->points.emplace_back(at->number, figure->median());
    }
  }
  return all;
}

std::string draw_curve(const Curve& curve, const std::string& unit, const Scale& across,
                       const Scale& up, const std::string& colour) {
  std::string path;
  std::string dots;
  for (const auto& [x, y] : curve.points) {
    path += (path.empty() ? "M" : "L") + number(across.at(x)) + " " + number(up.at(y));
    dots += dot(across.at(x), up.at(y), colour,
                curve.arm + ": " + format_number(y) + " " + unit + " at " + format_number(x));
  }
  return "<path class=\"curve\" stroke=\"" + colour + "\" d=\"" + path + "\"/>\n" + dots;
}

std::string draw_series(const Series& series, const Colours& colours) {
  constexpr double kSide = 470;
  constexpr double kHeight = 300;
  double least[2] = {1e300, 1e300};
  double greatest[2] = {0, 0};
  for (const Curve& curve : series.curves) {
    for (const auto& [x, y] : curve.points) {
      least[0] = std::min(least[0], x), greatest[0] = std::max(greatest[0], x);
      least[1] = std::min(least[1], y), greatest[1] = std::max(greatest[1], y);
    }
  }
  const Scale across{choose_ticks(least[0], greatest[0]), 60, kSide - 20};
  const Scale up{choose_ticks(least[1], greatest[1]), kHeight - 30, 40};
  std::string out = open_drawing(kSide, kHeight, series.name);
  out += text(10, 18, "start", series.name + (series.unit.empty() ? "" : ", " + series.unit));
  for (const double tick : across.ticks) {
    const double x = across.at(tick);
    out += line(x, up.end, x, up.begin, "grid") + text(x, kHeight - 10, "middle", tick_text(tick));
  }
  for (const double tick : up.ticks) {
    const double y = up.at(tick);
    out += line(across.begin, y, across.end, y, "grid");
    out += text(across.begin - 6, y + 4, "end", tick_text(tick));
  }
  for (const Curve& curve : series.curves) {
    out += draw_curve(curve, series.unit, across, up, colours.at(curve.arm));
  }
  return out + "</svg>\n";
}

}  // namespace

Colours choose_colours(const std::vector<ItemReport>& reports) {
  constexpr const char* kPalette[] = {"#d6452b", "#e0912f", "#3572c6", "#2a9d8f",
                                      "#8f5bc0", "#4c9a3f", "#c2428a", "#6b7280",
                                      "#a67c39", "#1f8fb5", "#b5b02e", "#54607a"};
  Colours colours;
  for (const ItemReport& report : reports) {
    for (const ItemReport::Arm& arm : report.arms()) {
      colours.emplace(arm.name, kPalette[colours.size() % std::size(kPalette)]);
    }
  }
  return colours;
}

std::string ratio_chart(const ItemReport& report, const Colours& colours) {
  const std::vector<RatioRow> rows = ratio_rows(report);
  if (rows.empty()) return {};
  const Scale scale = ratio_scale(rows);
  const double bottom = kTop + kLine * static_cast<double>(rows.size());
  std::string out =
      open_drawing(kWidth, bottom + 12, report.name() + ": cost as a multiple of ours");
  for (const double tick : scale.ticks) {
    const double x = scale.at(tick);
    const bool ours = std::abs(tick - 1) < 1e-9;
    out += line(x, kTop - 8, x, bottom, ours ? "ours" : "grid");
    out += text(x, kTop - 14, "middle", ours ? "ours" : tick_text(tick) + "x");
  }
  double y = kTop + kLine / 2;
  for (const RatioRow& row : rows) {
    out += text(kNames - 14, y + 4, "end", row.row->name);
    out += line(kNames, y, kWidth - kRight, y, "grid");
    for (const auto& [peer, ratio] : row.peers) {
      const Figure& figure = *row.row->figure(peer);
      out += dot(scale.at(ratio), y, colours.at(peer),
                 peer + ": " + format_number(figure.median()) + " " + row.row->unit + ", " +
                     format_number(ratio) + " times ours");
    }
    y += kLine;
  }
  return out + "</svg>\n";
}

std::string growth_charts(const ItemReport& report, const Colours& colours) {
  std::string out;
  for (const Series& series : read_series(report)) out += draw_series(series, colours);
  return out;
}

}  // namespace bench
