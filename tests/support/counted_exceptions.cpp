// For the thread sanitizer alone. How many hold an exception is counted within libstdc++.so, which
// is not instrumented: the sanitizer then sees the last of them destroy what others have read, and
// nothing between. Here the counting is told, and done where it always was.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <exception>

namespace {

template <class Function>
Function* original(const char* name) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

namespace std::__exception_ptr {

// NOLINTNEXTLINE(bugprone-reserved-identifier): the library's own function
void exception_ptr::_M_release() noexcept {
  static auto* const real =
      original<void(exception_ptr*)>("_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv");
  if (_M_exception_object != nullptr) {
    ::__tsan_release(_M_exception_object);
    ::__tsan_acquire(_M_exception_object);
  }
  real(this);
}

}  // namespace std::__exception_ptr

// A handler's end: it has read its last.
extern "C" void __cxa_end_catch() {
  static auto* const real = original<void()>("__cxa_end_catch");
  {
    const std::exception_ptr told = std::current_exception();
  }
  real();
}
