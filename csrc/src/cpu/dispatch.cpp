// Chooses the backend that this processor runs best.
#include <cstdlib>
#include <cstring>

#include "cpu/backend.hpp"

#if defined(COVLASSO_X86) && defined(_MSC_VER)
#include <intrin.h>
#endif

namespace covlasso {

namespace baseline {
extern const Backend backend;
}

#if defined(COVLASSO_X86)
namespace avx2 {
extern const Backend backend;
}
namespace avx512 {
extern const Backend backend;
}

#if defined(_MSC_VER)
namespace {

bool bit(int word, int place) { return (word >> place & 1) != 0; }

/// Whether the operating system saves the registers named by `mask` (2 and 4: AVX; 5 to 7: AVX-512).
bool saved(unsigned long long mask) {
    int leaf1[4];
    __cpuid(leaf1, 1);
    return bit(leaf1[2], 27) && (_xgetbv(0) & mask) == mask;
}

bool runs_avx2() {
    int leaf1[4], leaf7[4];
    __cpuid(leaf1, 1);
    __cpuidex(leaf7, 7, 0);
    return bit(leaf1[2], 12) && bit(leaf7[1], 5) && saved(0x6);
}

bool runs_avx512() {
    int leaf7[4];
    __cpuidex(leaf7, 7, 0);
    return bit(leaf7[1], 16) && bit(leaf7[1], 17) && bit(leaf7[1], 30) && bit(leaf7[1], 31) && saved(0xe6);
}

}  // namespace
#else
namespace {

bool runs_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool runs_avx512() {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

}  // namespace
#endif
#endif

static const Backend& choose() {
#if defined(COVLASSO_X86)
    // COVLASSO_ISA=baseline|avx2 in the environment asks for less than the processor has, to test or to compare.
    const char* asked = std::getenv("COVLASSO_ISA");
    const bool baseline_only = asked != nullptr && std::strcmp(asked, "baseline") == 0;
    const bool no_avx512 = baseline_only || (asked != nullptr && std::strcmp(asked, "avx2") == 0);
    if (!no_avx512 && runs_avx512()) return avx512::backend;
    if (!baseline_only && runs_avx2()) return avx2::backend;
#endif
    return baseline::backend;
}

const Backend& backend() {
    static const Backend& chosen = choose();
    return chosen;
}

const char* instruction_set() { return backend().name; }

}  // namespace covlasso
