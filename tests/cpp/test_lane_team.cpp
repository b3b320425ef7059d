// A team of several lanes gives what a loop gives: for any number of elements, in both ways to reduce.
#define COVLASSO_ISA lanes

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "thread_lanes.hpp"

using namespace covlasso;
using namespace covlasso::lanes;

namespace {

constexpr Sizes some = {256, 1 << 16};

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// use(team, lane) in both ways to reduce, with `stop` as given.
template <class Use>
void in_both_ways(Use use, Sizes sizes = some) {
    const std::atomic<bool> stop{false};
    for (const Index few : {Index{0}, Index{1} << 20}) {
        CAPTURE(few);
        on_all_lanes(sizes, few, stop, use);
    }
}

/// What every lane found, to be compared by the thread that made them: doctest checks on one thread.
template <class T>
struct PerLane {
    T found[ThreadLanes::count] = {};
    T& operator[](Index lane) { return found[lane]; }
    void check_all(const T& expected) const {
        for (const T& value : found) CHECK(value == expected);
    }
};

double wave(Index j) { return std::sin(static_cast<double>(7 * j + 3)); }

}  // namespace

TEST_CASE("lanes: sums, maxima and tests of any length, the same on every lane") {
    for (const Index n : {0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 100}) {
        CAPTURE(n);
        double sum = 0.0, most = 0.0;
        for (Index j = 0; j < n; ++j) {
            sum += static_cast<double>(j * j);  // integers: exact in any order
            most = std::fmax(most, wave(j));
        }
        PerLane<double> sums, maxima;
        PerLane<int> any, none;
        in_both_ways([&](const ThreadTeam& team, Index lane) {
            sums[lane] = team.sum(n, [](Index j) { return static_cast<double>(j * j); });
            maxima[lane] = team.max(n, wave);
            any[lane] = team.any_of(n, [=](Index j) { return j == n - 1; });
            none[lane] = team.any_of(n, [](Index) { return false; });
        });
        sums.check_all(sum);
        maxima.check_all(most);
        any.check_all(n > 0);
        none.check_all(0);
    }
}

TEST_CASE("lanes: every element is dealt out once, and every tile") {
    for (const Index n : {0, 1, 3, 4, 9, 64}) {
        std::vector<int> times(at(n) + 1), tiles(at(2 * n * panel_width));
        in_both_ways([&](const ThreadTeam& team, Index) {
            team.for_each(n, [&](Index j) { ++times[at(j)]; });
            team.for_tiles(2, n,
                           [&](Index q, Index r, Index t) { ++tiles[at((q * n + r) * panel_width + t)]; });
            team.one([&] { ++times[at(n)]; });
        });
        for (const int count : times) CHECK(count == 2);
        for (const int count : tiles) CHECK(count == 2);
    }
}

TEST_CASE("lanes: selected elements come in ascending order") {
    for (const Index n : {0, 1, 2, 5, 8, 33, 100})
        for (const int kind : {0, 1, 2, 3}) {
            const auto keep = [=](Index j) {
                return kind == 0 ? false : kind == 1 ? true : kind == 2 ? wave(j) > 0.0 : j == n - 1;
            };
            std::vector<Id> expected;
            for (Index j = 0; j < n; ++j)
                if (keep(j)) expected.push_back(static_cast<Id>(j));
            std::vector<Id> out(at(n));
            PerLane<Index> counts;
            in_both_ways(
                [&](const ThreadTeam& team, Index lane) { counts[lane] = team.select(n, keep, out.data()); });
            counts.check_all(static_cast<Index>(expected.size()));
            out.resize(expected.size());
            CHECK(out == expected);
        }
}

TEST_CASE("lanes: the largest fraction, and the first of equal ones, beyond a bound") {
    const double a[] = {1.0, 6.0, 0.0, 3.0, 6.0, -9.0, 2.0, 12.0},
                 b[] = {1.0, 2.0, 1.0, 1.0, 2.0, 0.5, 1.0, 4.0};
    const auto numerator = [&](Index j) { return a[j % 8]; };
    const auto denominator = [&](Index j) { return b[j % 8]; };
    for (const Index n : {8, 32, 64}) {
        PerLane<double> value, beyond;
        PerLane<Index> index, nowhere;
        in_both_ways([&](const ThreadTeam& team, Index lane) {
            const Best best = team.largest_fraction(n, 0.5, numerator, denominator);
            value[lane] = best.value, index[lane] = best.index;
            const Best high = team.largest_fraction(n, 3.0, numerator, denominator);
            beyond[lane] = high.value, nowhere[lane] = high.index;
        });
        value.check_all(3.0);
        index.check_all(1);
        beyond.check_all(3.0);
        nowhere.check_all(-1);
    }
}

TEST_CASE("lanes: the largest value above 0, at its lowest place") {
    const double values[] = {0.0, -1.0, 2.0, 7.0, 3.0, 7.0};
    for (const Index n : {0, 2, 3, 6, 70}) {
        PerLane<double> value;
        PerLane<Index> index;
        in_both_ways([&](const ThreadTeam& team, Index lane) {
            const Best best = team.largest(n, [&](Index j) { return values[j % 6]; });
            value[lane] = best.value, index[lane] = best.index;
        });
        value.check_all(n < 3 ? 0.0 : (n == 3 ? 2.0 : 7.0));
        index.check_all(n < 3 ? -1 : (n == 3 ? 2 : 3));
    }
}

TEST_CASE("lanes: what one lane finds, all know; a wish to stop, too") {
    for (const bool wish : {false, true}) {
        const std::atomic<bool> stop{wish};
        PerLane<Index> told;
        PerLane<int> stopped;
        on_all_lanes(some, 0, stop, [&](const ThreadTeam& team, Index lane) {
            Index last = 0;
            for (Index round = 1; round <= 50; ++round) last += team.from_one([&] { return round; });
            told[lane] = last;
            stopped[lane] = team.stopped();
        });
        told.check_all(1275);
        stopped.check_all(wish);
    }
}

TEST_CASE("lanes: panels give the product of the matrix in them, and keep it while they grow") {
    constexpr Index rows = 5, columns = 40;
    const double x[rows] = {1.0, -2.0, 3.0, -4.0, 5.0};
    std::vector<double> product(at(padded(columns)));
    in_both_ways([&](const ThreadTeam& team, Index) {
        Panels panels;
        panels.reserve_rows(team, rows);
        panels.reserve_columns(team, columns);
        team.for_each(rows * padded(columns), [&](Index e) {
            const Index r = e / padded(columns), j = e % padded(columns);
            panels.at(r, j) = j < columns ? static_cast<double>(r + 2 * j) : 0.0;
        });
        team.sync();
        panels.reserve_rows(team, 3 * rows, rows);
        panels.reserve_columns(team, 3 * columns);
        panels.product(team, rows, columns, x, product.data());
    });
    for (Index j = 0; j < columns; ++j) {
        double expected = 0.0;
        for (Index r = 0; r < rows; ++r) expected += x[r] * static_cast<double>(r + 2 * j);
        CHECK(product[at(j)] == expected);
    }
}

TEST_CASE("lanes: memory is aligned, near first, and all give up where it ends") {
    alignas(Arena::alignment) static char memory[192];
    Arena arena({memory, 64}, {memory + 64, 128});
    CHECK(arena.take(1) == memory);
    CHECK(arena.take(40) == memory + Arena::alignment);  // the near part is full now
    CHECK(arena.take(100) == memory + 64);
    CHECK(arena.take(17) == nullptr);
    CHECK(arena.take(16) == memory + 176);
    CHECK(arena.take(1) == nullptr);

    const std::atomic<bool> stop{false};
    CHECK_THROWS_AS(on_all_lanes({64, 64}, 0, stop,
                                 [](const ThreadTeam& team, Index) {
                                     Buffer<double> buffer;
                                     buffer.reserve(team, 1000);
                                 }),
                    ArenaRanDry);
}

TEST_CASE("lanes: G x by rows, in float32 and float64") {
    constexpr Index p = 37;
    std::vector<double> g(at(p * p));
    std::vector<float> single(g.size());
    for (Index e = 0; e < p * p; ++e) g[at(e)] = single[at(e)] = static_cast<float>(e % 11 - 5);
    const std::vector<Id> index = {3, 36, 0, 17, 5, 8};
    const std::vector<double> value = {1.0, -2.0, 3.0, 4.0, -5.0, 6.0};
    const AnyMatrix f64 = MatrixView<double>{g.data(), p, p, p},
                    f32 = MatrixView<float>{single.data(), p, p, p};
    for (const AnyMatrix& gram : {f64, f32})
        for (const Index count : {0, 1, 3, 4, 6}) {
            std::vector<double> out(at(p), -1.0);
            in_both_ways([&](const ThreadTeam& team, Index) {
                multiply(team, gram, {index.data(), value.data(), count}, nullptr,
                         [&](Index j, double product) { out[at(j)] = product; });
            });
            for (Index j = 0; j < p; ++j) {
                double expected = 0.0;
                for (Index r = 0; r < count; ++r) expected += value[at(r)] * g[at(index[at(r)] * p + j)];
                CHECK(out[at(j)] == expected);
            }
        }
}
