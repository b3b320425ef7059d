// What the compiler made code for.
#include <algorithm>
#include <iterator>

#include "kernels.hpp"

namespace covlasso {
namespace cuda {

int least_capability() {
    constexpr int built[] = {__CUDA_ARCH_LIST__};  // 750 for 7.5
    return *std::min_element(std::begin(built), std::end(built)) / 10;
}

}  // namespace cuda
}  // namespace covlasso
