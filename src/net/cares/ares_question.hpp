// One name that is asked of name servers: for both families at once, and one name of the search
// list after the other.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "asyncio/loop/scheduler.hpp"
#include "net/cares/ares_channel.hpp"
#include "net/cares/ares_reply.hpp"
#include "net/name_service.hpp"

namespace asyncio::detail {

/// A channel and who uses it.
struct Line {
  Line(Scheduler& scheduler, const AresConfig& config, AresOwner& owner)
      : servers(config.servers), channel(scheduler, config, owner) {}

  std::string servers;
  std::size_t running = 0;
  std::size_t wanted = 0;
  bool outdated = false;  // the files have changed: no more questions
  AresChannel channel;    // last, because its end ends questions
};

/// Owns itself until the last answer has come, whether or not anybody still wants to know.
class Question {
 public:
  Question(LookUp& look_up, Line& line, std::vector<std::string> names, Scheduler& scheduler);
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  /// Afterwards it may be gone.
  void ask_next();
  void forget() noexcept { look_up_ = nullptr; }
  [[nodiscard]] Line& line() const noexcept { return *line_; }
  ~Question();

 private:
  struct Half {
    Question* question;
    int type;
  };

  static void on_answer(void* argument, int status, int timeouts, unsigned char* message,
                        int size) noexcept;
  void note_negative(int status, const unsigned char* message, int size);
  void take(int type, int status, const unsigned char* message, int size) noexcept;
  void conclude();
  [[nodiscard]] bool is_final(int status) const noexcept;
  void end() noexcept;

  LookUp* look_up_;  // null: abandoned
  Line* line_;
  Scheduler* scheduler_;
  int family_;
  std::vector<std::string> names_;
  std::size_t next_ = 0;
  std::array<Half, 2> halves_;
  int pending_ = 0;
  AddressRecords records_;
  int status_ = ARES_SUCCESS;  // the worst of this name
  int worst_ = ARES_ENOTFOUND;
  std::optional<std::chrono::seconds> negative_ttl_;  // the least that was told
  bool negative_untold_ = false;
};

}  // namespace asyncio::detail
