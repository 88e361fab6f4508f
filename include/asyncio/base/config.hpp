// What the compiler can do, in one place. Nothing here depends on the platform's headers.
#pragma once

// g++ before 12.3 lays the frame of a coroutine out wrongly when an `if`, `while`, `for` or
// `switch` awaits in a body without a local variable: the handle the compiler passes around is then
// not the one its promise belongs to. coro/frame.hpp repairs that; this says where it is needed.
#if defined(__GNUC__) && !defined(__clang__) && \
    (__GNUC__ < 12 || (__GNUC__ == 12 && __GNUC_MINOR__ < 3))
#define ASYNCIO_GCC_FRAME_BUG 1
#else
#define ASYNCIO_GCC_FRAME_BUG 0
#endif

// At a co_await, clang's source_location names the coroutine as its author does; g++ names a helper
// of its own.
#if defined(__clang__)
#define ASYNCIO_AWAIT_NAMES_ITS_COROUTINE 1
#else
#define ASYNCIO_AWAIT_NAMES_ITS_COROUTINE 0
#endif

// A sanitizer that tracks memory must see every allocation, so the pools step aside.
#if defined(__SANITIZE_ADDRESS__)
#define ASYNCIO_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASYNCIO_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef ASYNCIO_ADDRESS_SANITIZER
#define ASYNCIO_ADDRESS_SANITIZER 0
#endif

#define ASYNCIO_ALWAYS_INLINE [[gnu::always_inline]] inline
#define ASYNCIO_COLD [[gnu::cold, gnu::noinline]]

// clang finds coroutine arguments and captures that dangle, but the attributes also reject every
// plain function that returns a Coro, so they are on for our own sources only.
#if defined(ASYNCIO_CLANG_LINT) && defined(__clang__)
#define ASYNCIO_CORO_TYPE [[clang::coro_return_type, clang::coro_lifetimebound]]
#define ASYNCIO_CORO_WRAPPER [[clang::coro_wrapper]]
#else
#define ASYNCIO_CORO_TYPE
#define ASYNCIO_CORO_WRAPPER  // a plain function that makes or passes on a Coro
#endif
