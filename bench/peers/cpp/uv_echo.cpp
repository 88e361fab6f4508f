// uv_echo [READ_BYTES]: libuv. One buffer serves all reads: what uv_try_write takes at once need
// not be kept, and only the rest is copied for uv_write.
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

std::vector<char> buffer(65536);

struct Write {
  uv_write_t request;
  std::string data;
};

void close(uv_handle_t* handle) {
  if (uv_is_closing(handle) != 0) return;
  uv_close(handle, [](uv_handle_t* closed) { delete reinterpret_cast<uv_tcp_t*>(closed); });
}

void give_buffer(uv_handle_t*, std::size_t, uv_buf_t* out) {
  *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* data);

void on_written(uv_write_t* request, int status) {
  const std::unique_ptr<Write> done(static_cast<Write*>(request->data));
  if (status < 0) return close(reinterpret_cast<uv_handle_t*>(request->handle));
  uv_read_start(request->handle, give_buffer, on_read);
}

// What the kernel does not take at once; nothing more is read until it has gone.
void write_rest(uv_stream_t* stream, const char* data, std::size_t size) {
  auto* write = new Write{{}, std::string(data, size)};
  write->request.data = write;
  uv_read_stop(stream);
  const uv_buf_t piece = uv_buf_init(write->data.data(), static_cast<unsigned>(size));
  uv_write(&write->request, stream, &piece, 1, on_written);
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* data) {
  if (size == 0) return;
  if (size < 0) return close(reinterpret_cast<uv_handle_t*>(stream));
  const uv_buf_t piece = uv_buf_init(data->base, static_cast<unsigned>(size));
  const int written = uv_try_write(stream, &piece, 1);
  if (written == size) return;
  if (written < 0 && written != UV_EAGAIN) return close(reinterpret_cast<uv_handle_t*>(stream));
  const int taken = written < 0 ? 0 : written;
  write_rest(stream, data->base + taken, static_cast<std::size_t>(size - taken));
}

void on_connection(uv_stream_t* server, int status) {
  if (status < 0) return;
  auto* client = new uv_tcp_t;
  uv_tcp_init(server->loop, client);
  auto* stream = reinterpret_cast<uv_stream_t*>(client);
  if (uv_accept(server, stream) != 0) return close(reinterpret_cast<uv_handle_t*>(client));
  uv_tcp_nodelay(client, 1);
  uv_read_start(stream, give_buffer, on_read);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) buffer.resize(std::strtoul(argv[1], nullptr, 10));
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t server;
  uv_tcp_init(loop, &server);
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&server, reinterpret_cast<sockaddr*>(&address), 0);
  if (uv_listen(reinterpret_cast<uv_stream_t*>(&server), 4096, on_connection) != 0) return 1;
  int size = sizeof address;
  uv_tcp_getsockname(&server, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
