// Values as Python's repr shows them, for the texts of futures, tasks and handles.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <variant>

namespace asyncio::base {

/// "'text'", long ones cut in the middle.
[[nodiscard]] std::string repr_of_text(std::string_view text);
[[nodiscard]] std::string repr_of_number(double number);
[[nodiscard]] std::string repr_of_number(long long number);
[[nodiscard]] std::string repr_of_number(unsigned long long number);
/// "<shop::Order object>": a value of which only the type is known.
[[nodiscard]] std::string repr_of_object(const std::type_info& type);
/// "shop::serve()::<lambda>" of a lambda, else the name of the type.
[[nodiscard]] std::string callable_name(const std::type_info& type);

/// Numbers, texts and None as they are; of anything else its type.
template <class T>
[[nodiscard]] std::string repr(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "True" : "False";
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return "None";
  } else if constexpr (std::is_floating_point_v<T>) {
    return repr_of_number(static_cast<double>(value));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    return repr_of_number(static_cast<long long>(value));
  } else if constexpr (std::is_integral_v<T>) {
    return repr_of_number(static_cast<unsigned long long>(value));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view> && !std::is_pointer_v<T>) {
    return repr_of_text(value);
  } else {
    return repr_of_object(typeid(T));
  }
}

}  // namespace asyncio::base
