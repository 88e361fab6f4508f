#include "tls/memory_bio.hpp"

#include <new>

#include "tls/layer.hpp"

namespace asyncio::tls {

namespace {

Layer& layer_of(BIO* bio) { return *static_cast<Layer*>(BIO_get_data(bio)); }

int read(BIO* bio, char* to, std::size_t size, std::size_t* taken) {
  BIO_clear_retry_flags(bio);
  *taken = layer_of(bio).take(to, size);
  if (*taken > 0) return 1;
  BIO_set_retry_read(bio);
  return 0;
}

int write(BIO* bio, const char* from, std::size_t size, std::size_t* given) {
  BIO_clear_retry_flags(bio);
  if (!layer_of(bio).give(from, size)) return 0;
  *given = size;
  return 1;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "asyncio layer");
  if (method == nullptr) throw std::bad_alloc();
  BIO_meth_set_read_ex(method, &read);
  BIO_meth_set_write_ex(method, &write);
  BIO_meth_set_ctrl(method, &control);
  return method;
}

}  // namespace

Bio make_bio(Layer& layer) {
  static BIO_METHOD* const method = make_method();  // a table; OpenSSL wants it made at run time
  Bio bio(BIO_new(method));
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio.get(), &layer);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace asyncio::tls
