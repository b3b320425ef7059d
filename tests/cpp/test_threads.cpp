// Threads change nothing but the time; work can be stopped; exceptions reach the caller.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "oracle.hpp"

using namespace test;
using covlasso::DenseGram;
using covlasso::Options;
using covlasso::Paths;
using covlasso::SparseVector;
using covlasso::Status;

namespace {

/// A Gram whose products are slow, or fail.
class Troubled final : public covlasso::Gram {
public:
    explicit Troubled(const Matrix& g, std::chrono::milliseconds delay) : dense_(g.view()), delay_(delay) {}

    /// The product at which multiply() throws, counted from 1; 0: never.
    void fail_at(int product) { fail_at_ = product; }

    Index size() const override { return dense_.size(); }
    void diagonal(double* out) const override { dense_.diagonal(out); }
    void gather(Id row, const Id* columns, Index count, double* out) const override {
        dense_.gather(row, columns, count, out);
    }
    void multiply(SparseVector x, double* out) const override {
        std::this_thread::sleep_for(delay_);
        if (++products_ == fail_at_) throw std::runtime_error("the disk is gone");
        dense_.multiply(x, out);
    }
    double epsilon() const override { return dense_.epsilon(); }

private:
    DenseGram<double> dense_;
    std::chrono::milliseconds delay_;
    int fail_at_ = 0;
    mutable std::atomic<int> products_{0};
};

Options with_threads(int threads) {
    Options options;
    options.threads = threads;
    return options;
}

void check_same_bits(const covlasso::Solutions& a, const covlasso::Solutions& b) {
    CHECK(a.offset == b.offset);
    CHECK(a.index == b.index);
    CHECK(a.value == b.value);
    CHECK(a.lambda == b.lambda);
    CHECK(a.error == b.error);
    CHECK(a.kkt == b.kkt);
    CHECK(a.status == b.status);
}

void check_same_bits(const Paths& a, const Paths& b) {
    CHECK(a.offset() == b.offset());
    REQUIRE(a.events().size() == b.events().size());
    for (std::size_t e = 0; e < a.events().size(); ++e) {
        CHECK(a.events()[e].lambda == b.events()[e].lambda);
        CHECK(a.events()[e].source == b.events()[e].source);
        CHECK(a.events()[e].sign == b.events()[e].sign);
    }
    CHECK(a.lambda_end() == b.lambda_end());
    CHECK(a.kkt() == b.kkt());
    CHECK(a.status() == b.status());
    check_same_bits(a.at_terms(5), b.at_terms(5));
    check_same_bits(a.at_terms(5, true), b.at_terms(5, true));
    check_same_bits(a.at_relative_error(0.3), b.at_relative_error(0.3));
}

}  // namespace

TEST_CASE("equal bits for 1, 2 and 3 threads, and from one run to the next") {
    for (const Index samples : {Index{120}, Index{20}}) {
        Data data(correlated(90, samples, 51));
        const auto problem = data.problem();
        const Paths one(problem, with_threads(1));
        check_same_bits(one, Paths(problem, with_threads(2)));
        check_same_bits(one, Paths(problem, with_threads(3)));
        check_same_bits(one, Paths(problem, with_threads(0)));
        check_same_bits(one, Paths(problem, with_threads(1)));
    }
}

TEST_CASE("equal bits wherever the matrix lies in memory") {
    Data data(correlated(90, 120, 59));
    auto problem = data.problem();
    const Paths expected(problem, {});
    std::vector<double> room(90 * 90 + 8);
    for (std::size_t shift = 0; shift < 8; ++shift) {
        std::copy(data.gram.data.begin(), data.gram.data.end(),
                  room.begin() + static_cast<std::ptrdiff_t>(shift));
        const DenseGram<double> gram({room.data() + shift, 90, 90, 90});
        problem.gram = &gram;
        check_same_bits(expected, Paths(problem, {}));
    }
}

TEST_CASE("a target's path does not depend on which one its thread had before") {
    Data data(correlated(25, 60, 60));
    for (const bool positive : {false, true}) {
        auto options = with_threads(1);
        options.positive = positive;
        options.max_terms = 1000;
        data.targets.clear();
        const Paths whole(data.problem(), options);
        for (Id before = 0; before < 25; ++before)
            for (Id target = 0; target < 25; ++target) {
                CAPTURE(before);
                CAPTURE(target);
                data.targets = {before, target};
                const Paths two(data.problem(), options);
                CHECK(two.lambda_end()[1] == whole.lambda_end()[static_cast<std::size_t>(target)]);
                CHECK(two.kkt()[1] == whole.kkt()[static_cast<std::size_t>(target)]);
                REQUIRE(two.end(1) - two.begin(1) == whole.end(target) - whole.begin(target));
                for (Index e = 0; e < two.end(1) - two.begin(1); ++e)
                    CHECK(two.begin(1)[e].lambda == whole.begin(target)[e].lambda);
                const std::vector<double> lambda(2,
                                                 0.01 * whole.lambda_max()[static_cast<std::size_t>(target)]);
                const auto s = two.at_lambda(lambda.data());
                CHECK(s.kkt[1] <= covlasso::kkt_tolerance);
            }
    }
}

TEST_CASE("more threads than targets") {
    Data data(correlated(30, 60, 53));
    data.targets = {1};
    const auto problem = data.problem();
    check_same_bits(Paths(problem, with_threads(1)), Paths(problem, with_threads(8)));
}

TEST_CASE("one Paths may be read from several threads at once") {
    Data data(correlated(40, 60, 54));
    const Paths paths(data.problem(), with_threads(1));
    const auto expected = paths.at_terms(4);
    std::vector<covlasso::Solutions> got(3);
    std::vector<std::thread> readers;
    for (auto& mine : got) readers.emplace_back([&paths, &mine] { mine = paths.at_terms(4); });
    for (auto& reader : readers) reader.join();
    for (const auto& mine : got) check_same_bits(expected, mine);
}

TEST_CASE("progress runs on the calling thread, never falls, and ends with all targets") {
    Data data(correlated(60, 80, 55));
    const Troubled slow(data.gram, std::chrono::milliseconds(2));
    auto problem = data.problem();
    problem.gram = &slow;
    for (const int threads : {1, 2}) {
        auto options = with_threads(threads);
        Index last = 0;
        int calls = 0;
        const auto caller = std::this_thread::get_id();
        options.progress = [&](Index done, Index total) {
            CHECK((std::this_thread::get_id() == caller));
            CHECK(total == 60);
            CHECK(done >= last);
            last = done;
            ++calls;
            return true;
        };
        const Paths paths(problem, options);
        CHECK(last == 60);
        CHECK(calls > 0);
        CHECK(paths.interrupted() == 0);
    }
}

TEST_CASE("progress hears of the end of work that is over before it is asked") {
    Data data(correlated(2, 4, 56));
    for (int run = 0; run < 500; ++run) {
        auto options = with_threads(1);
        Index last = 0;
        options.progress = [&](Index done, Index) {
            last = done;
            return true;
        };
        const Paths paths(data.problem(), options);
        REQUIRE(last == 2);
    }
}

TEST_CASE("progress that returns false stops the reading of solutions") {
    Data data(correlated(200, 250, 56));
    Troubled slow(data.gram, std::chrono::milliseconds(5));
    auto problem = data.problem();
    problem.gram = &slow;
    auto options = with_threads(1);
    options.max_terms = 3;
    const Paths paths(problem, options);
    const auto s = paths.at_terms(3, false, [](Index done, Index) { return done < 10; });
    Index interrupted = 0;
    for (std::size_t t = 0; t < 200; ++t)
        if (s.status[t] == Status::interrupted) {
            ++interrupted;
            CHECK(s.offset[t + 1] == s.offset[t]);
        } else {
            CHECK(s.status[t] == Status::certified);
        }
    CHECK(interrupted > 0);
    CHECK(interrupted <= 190);
}

TEST_CASE("progress that returns false stops the work soon; what is done stays") {
    Data data(correlated(200, 250, 56));
    const Troubled slow(data.gram, std::chrono::milliseconds(5));
    auto problem = data.problem();
    problem.gram = &slow;
    const Paths whole(data.problem(), {});
    for (const int threads : {1, 2}) {
        auto options = with_threads(threads);
        std::chrono::steady_clock::time_point asked;
        options.progress = [&](Index done, Index) {
            asked = std::chrono::steady_clock::now();
            return done < 10;
        };
        const Paths paths(problem, options);
        const auto waited = std::chrono::steady_clock::now() - asked;
        CHECK(waited < std::chrono::seconds(2));
        Index interrupted = 0;
        for (std::size_t t = 0; t < 200; ++t) {
            if (paths.status()[t] == Status::interrupted) {
                ++interrupted;
            } else {
                CHECK(paths.status()[t] == whole.status()[t]);
                CHECK(paths.lambda_end()[t] == doctest::Approx(whole.lambda_end()[t]).epsilon(1e-9));
            }
        }
        CHECK(interrupted == paths.interrupted());
        CHECK(interrupted > 0);
        CHECK(interrupted <= 190);
        const auto s = paths.at_terms(3);
        for (std::size_t t = 0; t < 200; ++t)
            CHECK((s.status[t] == Status::interrupted) == (paths.status()[t] == Status::interrupted));
    }
}

TEST_CASE("a pursuit stops between two steps") {
    Data data(correlated(30, 60, 59));
    const Troubled slow(data.gram, std::chrono::milliseconds(20));
    auto problem = data.problem();
    problem.gram = &slow;
    auto options = with_threads(1);
    options.method = covlasso::Method::pursuit;
    options.progress = [](Index, Index) { return false; };
    const auto start = std::chrono::steady_clock::now();
    const Paths paths(problem, options);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(29 * 20));  // one target's
    CHECK(paths.interrupted() == 30);
    CHECK(paths.status()[0] == Status::interrupted);
    const auto s = paths.at_terms(5);
    for (std::size_t t = 0; t < 30; ++t) CHECK(s.status[t] == Status::interrupted);
    CHECK(s.value.empty());
}

TEST_CASE("a pursuit has equal bits for any number of threads") {
    Data data(correlated(90, 120, 60));
    auto one = with_threads(1), three = with_threads(3);
    one.method = three.method = covlasso::Method::pursuit;
    const Paths a(data.problem(), one), b(data.problem(), three);
    CHECK(a.lambda_end() == b.lambda_end());
    check_same_bits(a.at_terms(20), b.at_terms(20));
}

TEST_CASE("an exception from the Gram reaches the caller") {
    Data data(correlated(40, 60, 57));
    for (const int threads : {1, 2}) {
        Troubled failing(data.gram, std::chrono::milliseconds(0));
        failing.fail_at(5);
        auto problem = data.problem();
        problem.gram = &failing;
        CHECK_THROWS_WITH_AS(Paths(problem, with_threads(threads)), "the disk is gone", std::runtime_error);
    }
}

TEST_CASE("an exception from progress reaches the caller") {
    Data data(correlated(60, 80, 58));
    const Troubled slow(data.gram, std::chrono::milliseconds(5));
    auto problem = data.problem();
    problem.gram = &slow;
    for (const int threads : {1, 2}) {
        auto options = with_threads(threads);
        options.progress = [](Index, Index) -> bool { throw std::runtime_error("enough"); };
        CHECK_THROWS_WITH_AS(Paths(problem, options), "enough", std::runtime_error);
    }
}
