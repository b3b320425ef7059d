// The Gram G = F F', reached through its factor.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "covlasso/error.hpp"
#include "covlasso/gram.hpp"
#include "cpu/backend.hpp"

namespace covlasso {

namespace {

[[noreturn]] void fail(const std::string& what) { throw InvalidArgument("factor: " + what); }

std::string text(double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", x);
    return buffer;
}

void check_shape(const MatrixView<double>& factor) {
    if (factor.rows < 1) fail("has no rows; one per category is needed");
    if (factor.cols < 1) fail("has no columns; at least one is needed");
    if (factor.stride < factor.cols)
        fail("row stride " + std::to_string(factor.stride) + " is less than its " +
             std::to_string(factor.cols) + " columns");
}

/// G_jj = |f_j|^2 must hold what the squares of f_j add up to: neither infinite nor rounded to nothing.
void check_row(const MatrixView<double>& factor, Index j, double square) {
    const double* row = factor.row(j);
    constexpr double shortest = FactoredGram::shortest_row, longest = FactoredGram::longest_row;
    if (square >= shortest * shortest && square <= longest * longest) return;
    double largest = 0.0;
    for (Index k = 0; k < factor.cols; ++k) {
        if (!std::isfinite(row[k]))
            fail("not finite at [" + std::to_string(j) + ", " + std::to_string(k) +
                 "]; remove such logits or weights before the factor is made");
        largest = std::fmax(largest, std::fabs(row[k]));
    }
    if (largest == 0.0) return;
    fail("row " + std::to_string(j) + ", whose largest entry is " + text(largest) +
         ", has a length outside " + text(shortest) + " to " + text(longest) +
         "; multiply the factor by a number, which multiplies lambda by its square");
}

}  // namespace

FactoredGram::FactoredGram(MatrixView<double> factor) : factor_(factor) {
    check_shape(factor);
    diagonal_.resize(static_cast<std::size_t>(factor.rows));
    for (Index j = 0; j < factor.rows; ++j) {
        double& square = diagonal_[static_cast<std::size_t>(j)];
        const Id id = static_cast<Id>(j);
        backend().gather_factor(factor, id, &id, 1, &square);
        check_row(factor, j, square);
    }
}

void FactoredGram::diagonal(double* out) const {
    for (const double square : diagonal_) *out++ = square;
}

void FactoredGram::gather(Id row, const Id* columns, Index count, double* out) const {
    backend().gather_factor(factor_, row, columns, count, out);
}

void FactoredGram::multiply(SparseVector x, double* out) const {
    const Product product{x, out};
    multiply_all(&product, 1);
}

void FactoredGram::multiply_all(const Product* products, Index count) const {
    std::vector<double> inner(static_cast<std::size_t>(count * factor_.cols));  // F'x, one row per product
    std::vector<double*> out;
    for (Index i = 0; i < count; ++i) {
        backend().multiply_f64(factor_, products[i].x, inner.data() + i * factor_.cols);
        out.push_back(products[i].out);
    }
    backend().multiply_factor(factor_, inner.data(), count, out.data());
}

double FactoredGram::epsilon() const { return backend().factor_epsilon(factor_.cols); }

Index FactoredGram::batch() const {
    // So that the workspaces of a batch take about a quarter of the factor's memory; four vectors make a tile of
    // multiply_factor(), and more than 16 bring little.
    const Index room = factor_.cols / 24;
    return room < 4 ? 1 : std::min<Index>(16, room - room % 4);
}

}  // namespace covlasso
