// One download: what is tried again, and what reaches the sink.
#include "tools/asyncio/download.hpp"

#include <gtest/gtest.h>

#include "support/loop_test.hpp"
#include "tests/tools/simulated_server.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;
using Exchange = test::SimulatedExchange;
using test::SimulatedServer;

class Memory final : public BodySink {
 public:
  Coro<> write(std::string piece, RequestLimit&) override {
    body += piece;
    co_return;
  }
  Coro<> finish(RequestLimit&) override {
    whole = true;
    co_return;
  }
  bool restart() override {
    body.clear();
    return !final;
  }
  std::string body;
  bool whole = false;
  bool final = false;  // cannot start again
};

class Download : public test::QuietTest {
 protected:
  Download() {
    settings_.retry.first_pause = 1s;
    settings_.retry.longest_retry_after = 5s;
    settings_.timeout = 20s;
    settings_.chance = [] { return 0.5; };
  }

  void download_all(SimulatedServer& server, const std::string& path) {
    auto main = [](Download& test, SimulatedServer& from, std::string what) -> Coro<> {
      test.result_.url = co_await from.start(what);
      const Nanoseconds begun = get_running_loop().time();
      http::ClientSession session;
      co_await download(session, test.settings_, test.sink_, test.result_);
      test.took_ = get_running_loop().time() - begun;
      from.stop();
    };
    asyncio::run(main(*this, server, path), {.loop_factory = test::simulated_loop});
  }

  Nanoseconds took_{0};
  DownloadSettings settings_;
  DownloadResult result_;
  Memory sink_;
};

TEST_F(Download, an_answer_that_may_change_is_asked_for_again) {
  SimulatedServer server([](SimulatedServer& self, Exchange exchange) {
    if (self.count("/") < 3) return exchange.answer("busy", "503 Busy", "Retry-After: 3600\r\n");
    exchange.answer("here");
  });
  download_all(server, "/");
  EXPECT_EQ(result_.reason, "") << result_.error;
  EXPECT_EQ(result_.attempts, 3U);
  EXPECT_GE(took_, 10s) << "the longest that it waits, twice";
  EXPECT_LT(took_, 12s);
  EXPECT_EQ(result_.status, 200);
  EXPECT_EQ(result_.bytes, 4U);
  EXPECT_EQ(sink_.body, "here");
}

TEST_F(Download, gives_up_after_the_last_try) {
  SimulatedServer server(
      [](SimulatedServer&, Exchange exchange) { exchange.answer("", "502 Bad Gateway"); });
  download_all(server, "/");
  EXPECT_EQ(result_.attempts, 3U);
  EXPECT_EQ(result_.error, "HTTP 502 Bad Gateway");
  EXPECT_FALSE(sink_.whole);
}

TEST_F(Download, a_page_that_is_not_there_is_asked_for_once) {
  SimulatedServer server(
      [](SimulatedServer&, Exchange exchange) { exchange.answer("", "404 Not Found"); });
  download_all(server, "/");
  EXPECT_EQ(result_.attempts, 1U);
  EXPECT_EQ(result_.reason, "HTTP 404");
}

TEST_F(Download, a_body_cut_short_is_thrown_away_and_asked_for_again) {
  SimulatedServer server([](SimulatedServer& self, Exchange exchange) {
    if (self.count("/") > 1) return exchange.answer("all of it");
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  download_all(server, "/");
  EXPECT_EQ(result_.reason, "") << result_.error;
  EXPECT_EQ(sink_.body, "all of it");
  EXPECT_EQ(result_.bytes, 9U);
  EXPECT_EQ(result_.attempts, 2U);
}

TEST_F(Download, a_body_that_cannot_be_taken_back_is_not_asked_for_again) {
  SimulatedServer server([](SimulatedServer&, Exchange exchange) {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  sink_.final = true;
  download_all(server, "/");
  EXPECT_EQ(result_.attempts, 1U);
  EXPECT_EQ(result_.reason, "incomplete body");
}

TEST_F(Download, each_request_has_its_own_time) {
  SimulatedServer server([](SimulatedServer& self, Exchange exchange) {
    if (self.count("/") > 1) return exchange.answer("in time");
    self.keep(std::move(exchange));
  });
  settings_.timeout = 30s;
  download_all(server, "/");
  EXPECT_EQ(result_.reason, "") << result_.error;
  EXPECT_EQ(result_.attempts, 2U);
  EXPECT_GE(took_, 30s);
  EXPECT_LT(took_, 33s);
}

TEST_F(Download, sends_the_headers_it_was_given) {
  std::string request;
  SimulatedServer server([&request](SimulatedServer&, Exchange exchange) {
    request = exchange.request();
    exchange.answer("");
  });
  settings_.headers = {{"Authorization", "Bearer x"}, {"User-Agent", "mine"}};
  download_all(server, "/");
  EXPECT_NE(request.find("Authorization: Bearer x\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("User-Agent: mine\r\n"), std::string::npos) << request;
  EXPECT_TRUE(sink_.whole);
}

TEST_F(Download, an_empty_body_is_a_body) {
  SimulatedServer server([](SimulatedServer&, Exchange exchange) {
    exchange.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  download_all(server, "/");
  EXPECT_EQ(result_.reason, "") << result_.error;
  EXPECT_TRUE(sink_.whole);
}

}  // namespace
}  // namespace asyncio::tool
