// The memory of a team of lanes: a near part (shared memory of a thread block) and a far one, handed out in order.
#pragma once

#include <cstddef>

#include "covlasso/config.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// A stretch of memory that is handed out from its beginning and never taken back.
struct Stretch {
    char* begin = nullptr;
    std::size_t size = 0;
    std::size_t used = 0;

    COVLASSO_FN bool fits(std::size_t bytes) const { return bytes <= size - used; }
    COVLASSO_FN void* take(std::size_t bytes) {
        used += bytes;
        return begin + (used - bytes);
    }
};

/// Every lane keeps its own copy and asks in the same order, so that all get the same address without a word.
class Arena {
public:
    Arena() = default;
    /// Both parts begin at multiples of `alignment`.
    COVLASSO_FN Arena(Stretch near, Stretch far) : near_(near), far_(far) {}

    /// Aligned memory, near if it fits; nullptr where the arena has run dry.
    COVLASSO_FN void* take(std::size_t bytes) {
        const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
        if (near_.fits(whole)) return near_.take(whole);
        return far_.fits(whole) ? far_.take(whole) : nullptr;
    }

    static constexpr std::size_t alignment = 16;  // the widest load of a lane

private:
    Stretch near_, far_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
