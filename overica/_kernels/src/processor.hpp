// Which kernels this processor runs: the widest instruction set that was compiled and is there.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "interface.hpp"

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace overica {

namespace baseline { extern const Kernels KERNELS; }
#ifdef OVERICA_X86
namespace avx2 { extern const Kernels KERNELS; }
namespace avx512 { extern const Kernels KERNELS; }
#endif

#ifdef OVERICA_X86
#if defined(_MSC_VER)
inline bool has_bits(int leaf, int word, unsigned mask) {
    int info[4];
    __cpuidex(info, leaf, 0);
    return ((unsigned)info[word] & mask) == mask;
}
// The system saves the wide registers (XCR0), and the processor has the instructions.
inline bool has_avx2() {
    return has_bits(1, 2, 1u << 27 | 1u << 12) && (_xgetbv(0) & 6) == 6 && has_bits(7, 1, 1u << 5 | 1u << 8);
}
inline bool has_avx512() {
    return has_avx2() && (_xgetbv(0) & 0xe6) == 0xe6 && has_bits(7, 1, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31);
}
#else
inline bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
inline bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif
#endif

// Those that run here, the widest first.
inline std::vector<const Kernels *> available_kernels() {
    std::vector<const Kernels *> found;
#ifdef OVERICA_X86
    if (has_avx512()) found.push_back(&avx512::KERNELS);
    if (has_avx2()) found.push_back(&avx2::KERNELS);
#endif
    found.push_back(&baseline::KERNELS);
    return found;
}

inline const Kernels *&chosen_kernels() {
    static const Kernels *chosen = available_kernels().front();
    return chosen;
}

inline void choose_kernels(const std::string &name) {
    for (const Kernels *kernels : available_kernels())
        if (name == kernels->name) {
            chosen_kernels() = kernels;
            return;
        }
    throw std::invalid_argument("`name` must be an instruction set of this processor, got '" + name + "'");
}

}  // namespace overica
