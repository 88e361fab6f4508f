#include "asyncio/testing/network.hpp"

#include "testing/network_model.hpp"

namespace asyncio::testing {

void Network::add_host(std::string_view name, std::string_view address) {
  model_->hosts.emplace(std::string(address), std::string(name));
}

void Network::link(std::string_view address, std::string_view other, LinkOptions options) {
  model_->links[{std::string(address), std::string(other)}] = options;
  model_->links[{std::string(other), std::string(address)}] = options;
}

void Network::set_default_link(LinkOptions options) { model_->default_link = options; }
void Network::set_buffer(std::size_t bytes) { model_->buffer = bytes; }
void Network::set_segmentation(Segmentation how) { model_->segmentation = how; }

void Network::split_at(std::uint64_t bytes) {
  model_->segmentation = Segmentation::split_at;
  model_->split_at = bytes;
}

void Network::set_short_calls(std::uint64_t one_in) { model_->short_calls = one_in; }

void Network::block(std::string_view from, std::string_view to) {
  model_->blocked.emplace(from, to);
}

void Network::partition(std::string_view address, std::string_view other) {
  block(address, other);
  block(other, address);
}

void Network::heal() { model_->heal(); }

void Network::drop_connects(std::string_view address, bool dropped) {
  if (dropped) {
    model_->drops_connects.emplace(address);
  } else {
    model_->drops_connects.erase(std::string(address));
  }
}

void Network::set_local_ports(std::size_t count) { model_->local_ports = count; }

void Network::set_answer(std::string_view name, std::vector<std::string> addresses,
                         Nanoseconds delay, int error) {
  model_->answers[std::string(name)].push_back({std::move(addresses), delay, error});
}

void Network::cut(std::size_t connection, Flow flow, std::uint64_t offset, Cut how) {
  model_->cuts.push_back({connection, flow, offset, how});
}

void Network::reset_at_close(int descriptor) { model_->reset_at_close(descriptor); }
void Network::reset_all() { model_->reset_all(); }
std::size_t Network::connections() const noexcept { return model_->sent.size(); }

std::uint64_t Network::bytes_sent(std::size_t connection, Flow flow) const noexcept {
  return connection < model_->sent.size() ? model_->sent[connection][static_cast<std::size_t>(flow)]
                                          : 0;
}

std::size_t Network::open_descriptors() const noexcept { return model_->open_descriptors(); }

}  // namespace asyncio::testing
