// Sums of products in about twice the precision of double.
#pragma once

#include <cmath>

#include "covlasso/config.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// A sum whose rounding is kept beside it (Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26 (2005), Dot2).
struct Compensated {
    double sum;
    double low;

    /// sum += a b
    COVLASSO_FN void add_product(double a, double b) {
        const double product = a * b, lost = std::fma(a, b, -product);
        const double total = sum + product, part = total - sum;
        low += ((sum - (total - part)) + (product - part)) + lost;
        sum = total;
    }

    COVLASSO_FN double value() const { return sum + low; }
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
