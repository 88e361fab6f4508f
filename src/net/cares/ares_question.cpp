#include "net/cares/ares_question.hpp"

#include <arpa/nameser.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

#include "net/address_order.hpp"

namespace asyncio::detail {

Question::Question(LookUp& look_up, Line& line, std::vector<std::string> names,
                   Scheduler& scheduler)
    : look_up_(&look_up),
      line_(&line),
      scheduler_(&scheduler),
      family_(look_up.question().family),
      names_(std::move(names)),
      halves_{Half{this, ns_t_a}, Half{this, ns_t_aaaa}} {
  ++line.running;
  ++line.wanted;
}

Question::~Question() {
  --line_->running;
  if (look_up_ != nullptr) --line_->wanted;
}

// An answer may come at once, and the last of them may be the end of this.
void Question::ask_next() {
  const std::string name = names_[next_++];
  AresChannel& channel = line_->channel;
  const bool v4 = family_ != AF_INET6;
  const bool v6 = family_ != AF_INET;
  status_ = ARES_SUCCESS;
  pending_ = static_cast<int>(v4) + static_cast<int>(v6);
  if (v4) channel.query(name, ns_t_a, &on_answer, &halves_[0]);
  if (v6) channel.query(name, ns_t_aaaa, &on_answer, &halves_[1]);
}

void Question::on_answer(void* argument, int status, int /*timeouts*/, unsigned char* message,
                         int size) noexcept {
  const Half half = *static_cast<Half*>(argument);
  half.question->take(half.type, status, message, size);
}

void Question::take(int type, int status, const unsigned char* message, int size) noexcept {
  try {
    if (status == ARES_SUCCESS) status = records_.add(type, message, size);
    note_negative(status, message, size);
  } catch (const std::bad_alloc&) {
    status = ARES_ENOMEM;
  }
  const int refusal = line_->channel.last_refusal();
  if (status == ARES_ECONNREFUSED && refusal != ARES_SUCCESS) status = refusal;
  status_ = worse_status(status_, status);
  if (--pending_ > 0) return;
  try {
    conclude();
  } catch (const std::bad_alloc&) {
    records_.clear();
    worst_ = ARES_ENOMEM;
    end();
  }
}

// That all of them are not there is true for as long as each of them says.
void Question::note_negative(int status, const unsigned char* message, int size) {
  if (status != ARES_ENOTFOUND && status != ARES_ENODATA) return;
  std::optional<std::chrono::seconds> told;
  if (message != nullptr) told = negative_ttl_of(message, size);
  negative_untold_ = negative_untold_ || !told;
  if (told) negative_ttl_ = std::min(*told, negative_ttl_.value_or(*told));
}

// Whether the search goes no further: some other name would be asked of the same silent server.
bool Question::is_final(int status) const noexcept {
  return status != ARES_ENOTFOUND && status != ARES_ENODATA && status != ARES_ESERVFAIL;
}

void Question::conclude() {
  if (look_up_ == nullptr) {
    delete this;
    return;
  }
  worst_ = worse_status(worst_, status_);
  if (records_.addresses().empty() && !is_final(status_) && next_ < names_.size()) {
    ask_next();
    return;
  }
  order_addresses(scheduler_->backend(), records_.addresses());
  end();
}

void Question::end() noexcept {
  LookUp& look_up = *look_up_;
  FoundName found;
  if (!records_.addresses().empty()) {
    found.ttl = std::chrono::seconds(records_.least_ttl());
    // Half an answer is good for now.
    if (is_final(status_) && status_ != ARES_SUCCESS) found.ttl = std::nullopt;
    found.addresses = std::move(records_.addresses());
  } else {
    found = failure_of(worst_, look_up.question(), line_->servers);
    if (!negative_untold_) found.ttl = negative_ttl_;
  }
  look_up.ticket = nullptr;
  delete this;
  look_up.finish(std::move(found));
}

}  // namespace asyncio::detail
