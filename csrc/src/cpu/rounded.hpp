// How vectors are kept in 16-bit integers (rounded_products.hpp), for those who hold them.
#pragma once

#include <cstdint>

#include "covlasso/gram.hpp"

namespace covlasso {

/// M: so long is a rounded vector, and so below 2^15 in each of its numbers.
inline constexpr double rounded_unit = 32000.0;

/// So many vectors are multiplied at a time by a row, and at most so many in one reading of all rows.
inline constexpr Index rounded_together = 16, rounded_batch = 32;

/// The most numbers of a vector, so that (M + sqrt(r) / 2)^2 < 2^31.
inline constexpr Index rounded_most = Index{1} << 26;

/// So many numbers has a rounded row of `length`: pairs, the last of which may have a zero.
inline constexpr Index rounded_length(Index length) { return length + length % 2; }

}  // namespace covlasso
