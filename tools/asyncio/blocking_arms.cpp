#include "tools/asyncio/blocking_arms.hpp"

#include <curl/curl.h>

#include <array>
#include <memory>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/item_pool.hpp"

namespace asyncio::tool {
namespace {

constexpr std::size_t kLargestBody = std::size_t{1} << 30;
constexpr long kMostRedirects = 10;

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  // Fewer bytes than given makes libcurl fail the transfer: the guard against endless pages.
  if (text.size() + size * count > kLargestBody) return 0;
  text.append(data, size * count);
  return size * count;
}

class CurlFetcher {
 public:
  explicit CurlFetcher(const ArmJob& job) : job_(&job), handle_(curl_easy_init()) {
    if (!handle_) throw ToolError("libcurl cannot make a handle");
    auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(job.timeout).count();
    CURL* handle = handle_.get();
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body_);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error_.data());
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout));
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, kMostRedirects);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
  }

  std::string fetch(const std::string& url) {
    body_.clear();
    error_.front() = '\0';
    curl_easy_setopt(handle_.get(), CURLOPT_URL, url.c_str());
    CURLcode code = curl_easy_perform(handle_.get());
    if (code != CURLE_OK) {
      return url + ": " + (error_.front() != '\0' ? error_.data() : curl_easy_strerror(code));
    }
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400) return url + ": status " + std::to_string(status);
    if (job_->expected_bytes && body_.size() != *job_->expected_bytes) {
      return url + ": " + std::to_string(body_.size()) + " bytes instead of " +
             std::to_string(*job_->expected_bytes);
    }
    return "";
  }

 private:
  struct Cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  const ArmJob* job_;
  std::string body_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::unique_ptr<CURL, Cleanup> handle_;
};

}  // namespace

ArmResult run_blocking_arm(const ArmJob& job) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  MakeWorker make_worker = [&job]() -> DoItem {
    auto fetcher = std::make_shared<CurlFetcher>(job);  // std::function wants a copyable closure
    return [&job, fetcher](std::size_t item) { return fetcher->fetch(job.url(item)); };
  };
  return run_blocking(job, make_worker);
}

std::string curl_version_text() { return curl_version_info(CURLVERSION_NOW)->version; }

}  // namespace asyncio::tool
