// Where OpenSSL does its input and output: at a layer.
#pragma once

#include "tls/openssl.hpp"

namespace asyncio::tls {

class Layer;

/// A BIO that takes from and gives to `layer`, which must outlive it.
Bio make_bio(Layer& layer);

}  // namespace asyncio::tls
