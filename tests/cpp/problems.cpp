#include "problems.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace test {

Matrix gaussian(Index rows, Index cols, unsigned seed) {
    std::mt19937_64 bits(seed);
    std::normal_distribution<double> normal;
    Matrix m(rows, cols);
    for (auto& x : m.data) x = normal(bits);
    return m;
}

Matrix cross_moments(const Matrix& f, const Matrix& g) {
    Matrix m(f.cols, g.cols);
    for (Index r = 0; r < f.rows; ++r)
        for (Index i = 0; i < f.cols; ++i)
            for (Index j = 0; j < g.cols; ++j) m(i, j) += f(r, i) * g(r, j);
    for (auto& x : m.data) x /= static_cast<double>(f.rows);
    return m;
}

Matrix moments(const Matrix& f) {
    Matrix m = cross_moments(f, f);
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < i; ++j) m(i, j) = m(j, i);
    return m;
}

Matrix correlated(Index n, Index samples, unsigned seed) {
    Matrix f = gaussian(samples, n, seed);
    const Matrix common = gaussian(samples, 3, seed + 1000);
    const Matrix loading = gaussian(3, n, seed + 2000);
    for (Index r = 0; r < samples; ++r)
        for (Index j = 0; j < n; ++j)
            for (Index k = 0; k < 3; ++k) f(r, j) += common(r, k) * loading(k, j);
    return moments(f);
}

Matrix inverse(const Matrix& g) {
    const auto n = static_cast<std::size_t>(g.rows);
    std::vector<std::vector<long double>> a(n, std::vector<long double>(2 * n));
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) a[i][j] = g.data[i * n + j];
        a[i][n + i] = 1;
    }
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k; i < n; ++i)
            if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
        std::swap(a[k], a[pivot]);
        const auto scale = a[k][k];
        for (auto& x : a[k]) x /= scale;
        for (std::size_t i = 0; i < n; ++i) {
            if (i == k) continue;
            const auto factor = a[i][k];
            for (std::size_t j = k; j < 2 * n; ++j) a[i][j] -= factor * a[k][j];
        }
    }
    Matrix m(g.rows, g.rows);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) m.data[i * n + j] = static_cast<double>(a[i][n + j]);
    return m;
}

Matrix restricted(const Matrix& g, const std::vector<Id>& ids) {
    const auto n = static_cast<Index>(ids.size());
    Matrix m(n, n);
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j)
            m(i, j) = g(ids[static_cast<std::size_t>(i)], ids[static_cast<std::size_t>(j)]);
    return m;
}

double largest_eigenvalue(const Matrix& g) {
    const auto n = static_cast<std::size_t>(g.rows);
    std::vector<double> x(n, 1.0), y(n);
    double quotient = 0;
    for (int step = 0; step < 500; ++step) {
        double xy = 0, xx = 0, yy = 0;
        for (std::size_t i = 0; i < n; ++i) {
            y[i] = 0;
            for (std::size_t j = 0; j < n; ++j) y[i] += g.data[i * n + j] * x[j];
            xy += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
        }
        quotient = xy / xx;
        for (std::size_t i = 0; i < n; ++i) x[i] = y[i] / std::sqrt(yy);
    }
    return quotient;
}

Data::Data(Matrix g) : gram(std::move(g)) {}

Data Data::cross_form(const Matrix& f, const Matrix& g) {
    Data data(moments(g));
    data.cross = cross_moments(f, g);
    const Matrix own = moments(f);
    for (Index i = 0; i < own.rows; ++i) data.energy.push_back(own(i, i));
    data.exclude_self = false;
    return data;
}

covlasso::Problem Data::problem() {
    views_.push_back(std::make_unique<covlasso::DenseGram<double>>(gram.view()));
    covlasso::Problem p;
    p.gram = views_.back().get();
    if (!intra()) {
        p.cross.f64 = cross.view();
        p.energy = energy.data();
    }
    if (!targets.empty()) p.targets = targets.data();
    p.target_count = target_count();
    p.exclude_self = exclude_self;
    if (!excluded.empty()) {
        exclusion_offset_.assign(1, 0);
        exclusion_index_.clear();
        for (const auto& list : excluded) {
            exclusion_index_.insert(exclusion_index_.end(), list.begin(), list.end());
            exclusion_offset_.push_back(static_cast<Index>(exclusion_index_.size()));
        }
        p.exclusions = {exclusion_offset_.data(), exclusion_index_.data()};
    }
    if (!weights.empty()) {
        p.weights = weights.data();
        p.weights_stride = static_cast<Index>(weights.size()) == size() ? 0 : size();
    }
    if (own.rows > 0) {
        p.own.rows = own.view();
        if (!response.empty()) p.own.response = response.data();
        if (!own_offset.empty()) p.own.offset = own_offset.data();
    }
    return p;
}

Index Data::target_count() const {
    if (!targets.empty()) return static_cast<Index>(targets.size());
    return intra() ? gram.rows : cross.rows;
}

Id Data::target(Index t) const {
    return targets.empty() ? static_cast<Id>(t) : targets[static_cast<std::size_t>(t)];
}

Index Data::own_begin(Index t) const {
    if (own.rows == 0) return 0;
    return own_offset.empty() ? t : own_offset[static_cast<std::size_t>(t)];
}

Index Data::own_end(Index t) const {
    if (own.rows == 0) return 0;
    return own_offset.empty() ? t + 1 : own_offset[static_cast<std::size_t>(t + 1)];
}

double Data::u(Index t, Index row) const {
    return intra() ? own(row, target(t)) : response[static_cast<std::size_t>(row)];
}

double Data::g(Index t, Index j, Index k) const {
    double sum = gram(j, k);
    for (Index m = own_begin(t); m < own_end(t); ++m) sum += own(m, j) * own(m, k);
    return sum;
}

double Data::c(Index t, Index j) const {
    double sum = intra() ? gram(target(t), j) : cross(target(t), j);
    for (Index m = own_begin(t); m < own_end(t); ++m) sum += u(t, m) * own(m, j);
    return sum;
}

double Data::e(Index t) const {
    double sum = intra() ? gram(target(t), target(t)) : energy[static_cast<std::size_t>(target(t))];
    for (Index m = own_begin(t); m < own_end(t); ++m) sum += u(t, m) * u(t, m);
    return sum;
}

double Data::weight(Index t, Index j) const {
    if (weights.empty()) return 1;
    const bool shared = static_cast<Index>(weights.size()) == size();
    return weights[static_cast<std::size_t>((shared ? 0 : t * size()) + j)];
}

bool Data::is_excluded(Index t, Index j) const {
    if (exclude_self && j == target(t)) return true;
    if (std::isinf(weight(t, j))) return true;
    if (excluded.empty()) return false;
    const auto& list = excluded[static_cast<std::size_t>(t)];
    return std::find(list.begin(), list.end(), static_cast<Id>(j)) != list.end();
}

}  // namespace test
