#include "tools/asyncio/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tools/asyncio/embedded.hpp"
#include "tools/asyncio/table.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

std::string fixed_number(double value, int decimals) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return buffer.data();
}

std::vector<std::string> table_cells(const ReportRow& row) {
  return {row.arm,
          format_count(row.n),
          (row.extrapolated ? "~" : "") + fixed_number(row.seconds, 3),
          row.ratio_to_asyncio ? format_ratio(*row.ratio_to_asyncio) + "x" : "-",
          (row.extrapolated ? "~" : "") + fixed_number(row.cpu_seconds, 3),
          format_bytes(row.peak_memory_bytes),
          format_count(row.threads),
          format_count(row.processes),
          format_count(row.failures)};
}

std::string notes_below(const Report& report) {
  std::string out;
  for (const ReportRow& row : report.rows) {
    if (row.note.empty() || row.extrapolated) continue;
    out += row.arm + ", n = " + format_count(row.n) + ": " + escape_controls(row.note) + "\n";
  }
  for (const ReportRow& row : report.rows) {
    if (!row.extrapolated) continue;
    out +=
        "~ " + row.arm + ", n = " + format_count(row.n) + ": " + escape_controls(row.note) + "\n";
  }
  for (const std::string& note : report.notes) out += escape_controls(note) + "\n";
  return out;
}

class JsonObject {
 public:
  JsonObject& raw(std::string_view key, std::string_view value) {
    text_ += (text_.empty() ? "" : ", ") + json_string(key) + ": " + std::string(value);
    return *this;
  }
  JsonObject& text(std::string_view key, std::string_view value) {
    return raw(key, json_string(value));
  }
  JsonObject& number(std::string_view key, double value) { return raw(key, plain_number(value)); }
  JsonObject& number(std::string_view key, std::uint64_t value) {
    return raw(key, std::to_string(value));
  }
  [[nodiscard]] std::string str() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string row_json(const ReportRow& row) {
  JsonObject object;
  object.text("arm", row.arm)
      .number("n", std::uint64_t{row.n})
      .number("seconds", row.seconds)
      .raw("ratio_to_asyncio", row.ratio_to_asyncio ? plain_number(*row.ratio_to_asyncio) : "null")
      .number("cpu_seconds", row.cpu_seconds)
      .number("peak_memory_bytes", row.peak_memory_bytes)
      .number("threads", std::uint64_t{row.threads})
      .number("processes", std::uint64_t{row.processes})
      .number("failures", std::uint64_t{row.failures})
      .raw("extrapolated", row.extrapolated ? "true" : "false")
      .text("note", row.note);
  return object.str();
}

// Each item on its own line: readable, and a diff of two documents shows the rows that changed.
template <class Items, class ToJson>
std::string json_array(const Items& items, ToJson to_json) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() > 1 ? ",\n    " : "\n    ") + to_json(item);
  return out + (out.size() > 1 ? "\n  ]" : "]");
}

std::string machine_json(const Machine& machine) {
  JsonObject object;
  object.text("processor", machine.processor)
      .number("cores", std::uint64_t{machine.cores})
      .number("memory_bytes", machine.memory_bytes)
      .text("system", machine.system);
  return object.str();
}

}  // namespace

ReportRow make_row(const std::string& arm, std::size_t n, const MeasuredRun& run) {
  ReportRow row;
  row.arm = arm;
  row.n = n;
  row.seconds = run.seconds;
  row.cpu_seconds = run.cpu_seconds;
  row.peak_memory_bytes = run.peak_memory_bytes;
  row.threads = run.threads;
  row.processes = run.processes;
  row.failures = run.failures;
  if (run.failures > 0) {
    row.note = format_count(run.failures) + " failed, first " + run.first_error;
  }
  if (run.completed > 0 && run.completed < n) {
    double scale = static_cast<double>(n) / static_cast<double>(run.completed);
    row.seconds *= scale;
    row.cpu_seconds *= scale;
    row.extrapolated = true;
    std::string how = "extrapolated from " + format_count(run.completed) + " measured in " +
                      format_duration(run.seconds);
    row.note = row.note.empty() ? how : how + "; " + row.note;
  }
  return row;
}

bool is_worth_extrapolating(const MeasuredRun& known, std::size_t n,
                            std::chrono::nanoseconds bound) {
  double bound_seconds = std::chrono::duration<double>(bound).count();
  if (bound_seconds <= 0 || known.completed == 0 || known.seconds < bound_seconds / 2) return false;
  return known.seconds * static_cast<double>(n) / static_cast<double>(known.completed) >
         bound_seconds;
}

const MeasuredRun& median_run(const std::vector<MeasuredRun>& runs) {
  std::vector<const MeasuredRun*> sorted;
  for (const MeasuredRun& run : runs) sorted.push_back(&run);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->seconds < b->seconds; });
  return *sorted.at((sorted.size() - 1) / 2);
}

void add_ratios(std::vector<ReportRow>& rows) {
  const std::string asyncio = to_string(ArmSpec{ArmKind::asyncio, 1});
  for (ReportRow& row : rows) {
    auto same_n = [&](const ReportRow& other) { return other.arm == asyncio && other.n == row.n; };
    auto base = std::find_if(rows.begin(), rows.end(), same_n);
    if (base != rows.end() && base->seconds > 0) row.ratio_to_asyncio = row.seconds / base->seconds;
  }
}

std::string render_table(const Report& report, const Terminal& terminal) {
  using Align = Table::Align;
  Table table({{"arm", Align::left},
               {"n", Align::right},
               {"seconds", Align::right},
               {"vs asyncio", Align::right},
               {"CPU s", Align::right},
               {"memory", Align::right},
               {"threads", Align::right},
               {"processes", Align::right},
               {"failures", Align::right}});
  std::size_t last_n = 0;
  for (const ReportRow& row : report.rows) {
    if (row.n != last_n) table.add_gap();
    last_n = row.n;
    table.add_row(table_cells(row),
                  row.arm == "asyncio" ? Table::Emphasis::strong : Table::Emphasis::none);
  }
  std::string notes = notes_below(report);
  return table.render(terminal) + (notes.empty() ? "" : "\n" + styled(terminal, Style::dim, notes));
}

std::string render_json(const Report& report) {
  JsonObject versions;
  for (const auto& [name, version] : report.versions) versions.text(name, version);
  std::string out = "{\n";
  auto field = [&out](std::string_view key, std::string_view value, bool last = false) {
    out += "  " + json_string(key) + ": " + std::string(value) + (last ? "\n" : ",\n");
  };
  field("tool", json_string("asyncio " + std::string(embedded::version())));
  field("command", json_string(report.command));
  field("started_at", json_string(report.started_at));
  field("workload", report.workload == Workload::cpu ? "\"cpu\"" : "\"io\"");
  field("source", json_string(report.source));
  field("limit", std::to_string(report.limit));
  field("repeat", std::to_string(report.repeat));
  field("machine", machine_json(report.machine));
  field("versions", versions.str());
  field("notes",
        json_array(report.notes, [](const std::string& note) { return json_string(note); }));
  field("rows", json_array(report.rows, row_json), true);
  return out + "}\n";
}

std::string render_csv(const Report& report) {
  std::string out =
      "n,process,time_taken,ratio_to_asyncio,cpu_seconds,peak_memory_bytes,threads,processes,"
      "failures,"
      "extrapolated,note\n";
  for (const ReportRow& row : report.rows) {
    out += std::to_string(row.n) + "," + csv_field(row.arm) + "," + plain_number(row.seconds) +
           "," + (row.ratio_to_asyncio ? plain_number(*row.ratio_to_asyncio) : "") + "," +
           plain_number(row.cpu_seconds) + "," + std::to_string(row.peak_memory_bytes) + "," +
           std::to_string(row.threads) + "," + std::to_string(row.processes) + "," +
           std::to_string(row.failures) + "," + (row.extrapolated ? "true" : "false") + "," +
           csv_field(row.note) + "\n";
  }
  return out;
}

std::string plain_number(double value) {
  std::string text = fixed_number(value, 6);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace asyncio::tool
