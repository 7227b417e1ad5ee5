// Limits of this process.
#pragma once

#include <cstddef>

namespace chaperon::runtime {

/// Raises the limit on open file descriptors to the hard limit and returns it.
std::size_t raise_descriptor_limit() noexcept;

}  // namespace chaperon::runtime
