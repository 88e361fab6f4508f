// How arguments and results travel between processes: cereal's binary format.
//
// THE EXCEPTION to "no third-party header in a public header", and the only one: what a program's
// own types consist of is described in cereal's vocabulary, a member `template <class Archive> void
// serialize(Archive& archive) { archive(a, b); }`, and such a description is a template that must
// meet the archives below in the program's own sources. So this header is for whoever sends work to
// processes (asyncio/concurrent.hpp) and is no part of asyncio/asyncio.hpp.
//
// Nothing to write for numbers, enums, texts, the standard containers, optional, variant, pair,
// tuple, chrono, smart pointers; nor for an aggregate that can be copied byte by byte (`struct
// Point { double x, y; }`), as both ends are the same program. But mind that a pointer in one would
// be copied like a number, and mean nothing on the other side.
#pragma once

// Submitting is for any thread, and cereal's table of versions is shared by all.
#ifndef CEREAL_THREAD_SAFE
#define CEREAL_THREAD_SAFE 1
#endif

#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/atomic.hpp>
#include <cereal/types/bitset.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/common.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/queue.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/stack.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/valarray.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/concurrent/blocks.hpp"

namespace asyncio::concurrent {

/// Appends to a string. For polymorphic types: CEREAL_REGISTER_ARCHIVE of both, then
/// CEREAL_REGISTER_TYPE.
class OutputArchive : public cereal::OutputArchive<OutputArchive, cereal::AllowEmptyClassElision> {
 public:
  explicit OutputArchive(std::string& out)
      : cereal::OutputArchive<OutputArchive, 1>(this), out_(&out) {}
  void save_bytes(const void* data, std::size_t size) {
    const char* bytes = static_cast<const char*>(data);
    if (beside_ == nullptr || size < asyncio::detail::kSmallestBlock) {
      out_->append(bytes, size);
    } else {
      beside_->push_back(make_block_(bytes, size));
    }
  }

  // --- for the library --------------------------------------------------------------------------

  using MakeBlock = asyncio::detail::BlockToSend (*)(const char* data, std::size_t size);
  /// From now on blocks go there; null: nowhere.
  void set_beside(asyncio::detail::BlocksToSend* blocks, MakeBlock make_block) noexcept {
    beside_ = blocks;
    make_block_ = make_block;
  }

 private:
  std::string* out_;
  asyncio::detail::BlocksToSend* beside_ = nullptr;
  MakeBlock make_block_ = nullptr;
};

/// Reads from memory that outlives it; cereal::Exception when that is too short.
class InputArchive : public cereal::InputArchive<InputArchive, cereal::AllowEmptyClassElision> {
 public:
  explicit InputArchive(std::string_view in)
      : cereal::InputArchive<InputArchive, 1>(this), in_(in) {}
  void load_bytes(void* data, std::size_t size) {
    if (beside_ != nullptr && size >= asyncio::detail::kSmallestBlock) {
      return beside_->push_back({static_cast<char*>(data), size});
    }
    if (size > in_.size()) throw cereal::Exception("the data ends too early");
    if (size > 0) std::memcpy(data, in_.data(), size);
    in_.remove_prefix(size);
  }
  [[nodiscard]] std::size_t left() const noexcept { return in_.size(); }

  // --- for the library --------------------------------------------------------------------------

  /// From now on blocks are not read but noted there; null: read as all else.
  void set_beside(asyncio::detail::BlocksToRead* blocks) noexcept { beside_ = blocks; }

 private:
  std::string_view in_;
  asyncio::detail::BlocksToRead* beside_ = nullptr;
};

}  // namespace asyncio::concurrent

namespace asyncio::detail {

template <class T>
concept Described = requires(T& value, concurrent::OutputArchive& archive) {
  requires cereal::traits::has_member_serialize<T, concurrent::OutputArchive>::value ||
               cereal::traits::has_member_save<T, concurrent::OutputArchive>::value ||
               cereal::traits::has_member_save_minimal<T, concurrent::OutputArchive>::value ||
               cereal::traits::has_non_member_serialize<T, concurrent::OutputArchive>::value ||
               cereal::traits::has_non_member_save_minimal<T, concurrent::OutputArchive>::value;
};

/// An aggregate that nobody described and whose bytes are all there is to it. (std::array, the one
/// of the standard library's aggregates that holds others, is cereal's.)
template <class T>
concept PlainAggregate =
    std::is_class_v<T> && std::is_aggregate_v<T> && !std::is_empty_v<T> &&
    std::is_trivially_copyable_v<T> && !requires { std::tuple_size<T>::value; } && !Described<T>;

/// Whether blocks of a T may travel beside the frame: nobody looks at what is loaded before all of
/// it is there, or moves it elsewhere, and nobody saves what goes before it is sent. So it holds
/// for what only this header and cereal's for these few containers take apart, and for no type with
/// a serialize() of its own.
template <class T>
inline constexpr bool kMayTravelBeside =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || PlainAggregate<T>;
template <class C, class Traits, class A>
inline constexpr bool kMayTravelBeside<std::basic_string<C, Traits, A>> = true;
template <class T, class A>
inline constexpr bool kMayTravelBeside<std::vector<T, A>> = kMayTravelBeside<T>;
template <class T, std::size_t n>
inline constexpr bool kMayTravelBeside<std::array<T, n>> = kMayTravelBeside<T>;
template <class T, class U>
inline constexpr bool kMayTravelBeside<std::pair<T, U>> =
    kMayTravelBeside<T> && kMayTravelBeside<U>;
template <class... T>
inline constexpr bool kMayTravelBeside<std::tuple<T...>> = (kMayTravelBeside<T> && ...);

}  // namespace asyncio::detail

namespace asyncio::concurrent {

// cereal finds these by the archive's namespace; the names are cereal's.

template <class T>
  requires std::is_arithmetic_v<T>
void save(OutputArchive& archive, const T& value) {
  archive.save_bytes(std::addressof(value), sizeof value);
}
template <class T>
  requires std::is_arithmetic_v<T>
void load(InputArchive& archive, T& value) {
  archive.load_bytes(std::addressof(value), sizeof value);
}

template <asyncio::detail::PlainAggregate T>
void save(OutputArchive& archive, const T& value) {
  archive.save_bytes(std::addressof(value), sizeof value);
}
template <asyncio::detail::PlainAggregate T>
void load(InputArchive& archive, T& value) {
  archive.load_bytes(std::addressof(value), sizeof value);
}

// As cereal does it for numbers; element by element a million points take a hundred times as long.
template <asyncio::detail::PlainAggregate T, class A>
void save(OutputArchive& archive, const std::vector<T, A>& values) {
  archive(cereal::make_size_tag(static_cast<cereal::size_type>(values.size())));
  archive.save_bytes(values.data(), values.size() * sizeof(T));
}
template <asyncio::detail::PlainAggregate T, class A>
void load(InputArchive& archive, std::vector<T, A>& values) {
  cereal::size_type size = 0;
  archive(cereal::make_size_tag(size));
  values.resize(static_cast<std::size_t>(size));
  archive.load_bytes(values.data(), values.size() * sizeof(T));
}

template <class T>
void save(OutputArchive& archive, const cereal::BinaryData<T>& data) {
  archive.save_bytes(data.data, data.size);
}
template <class T>
void load(InputArchive& archive, cereal::BinaryData<T>& data) {
  archive.load_bytes(data.data, data.size);
}

template <class Archive, class T>
void serialize(Archive& archive, cereal::NameValuePair<T>& pair) {
  archive(pair.value);
}
template <class Archive, class T>
void serialize(Archive& archive, cereal::SizeTag<T>& size) {
  archive(size.size);
}

}  // namespace asyncio::concurrent

CEREAL_SETUP_ARCHIVE_TRAITS(asyncio::concurrent::InputArchive, asyncio::concurrent::OutputArchive)
