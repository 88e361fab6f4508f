// Numbers for simulated descriptors.
#pragma once

namespace asyncio::testing::detail {

/// A number that no other descriptor of the process has while it is reserved, so that a mix-up of
/// real and simulated ones cannot go unnoticed; the lowest one, as the kernel gives. -errno when
/// the process has none left.
int reserve_descriptor_number() noexcept;
void release_descriptor_number(int number) noexcept;

}  // namespace asyncio::testing::detail
