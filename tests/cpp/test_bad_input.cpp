// One bad thing per test: an InvalidArgument whose message names the argument and the place.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "problems.hpp"

using namespace test;
using covlasso::DenseGram;
using covlasso::IndefiniteGram;
using covlasso::InvalidArgument;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Problem;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Data sound() { return Data(correlated(8, 40, 71)); }

Data sound_cross() { return Data::cross_form(gaussian(40, 4, 72), gaussian(40, 8, 73)); }

/// Runs `work`, which must throw E with a message that holds each of `words`.
template <class E, class Work>
void check_refused(Work work, const std::vector<std::string>& words) {
    try {
        work();
    } catch (const E& error) {
        const std::string message = error.what();
        CAPTURE(message);
        for (const auto& word : words) {
            CAPTURE(word);
            CHECK(message.find(word) != std::string::npos);
        }
        return;
    }
    FAIL("accepted");
}

void check_refused(const Problem& problem, const Options& options, const std::vector<std::string>& words) {
    check_refused<InvalidArgument>([&] { Paths(problem, options); }, words);
}

void check_refused(Data& data, const std::vector<std::string>& words) {
    check_refused(data.problem(), {}, words);
}

void check_option_refused(const Options& options, const std::vector<std::string>& words) {
    auto data = sound();
    check_refused(data.problem(), options, words);
}

}  // namespace

TEST_CASE("the sound problems that the others break are accepted") {
    auto data = sound(), cross = sound_cross();
    CHECK_NOTHROW(Paths(data.problem(), {}));
    CHECK_NOTHROW(Paths(cross.problem(), {}));
}

TEST_CASE("gram: none") {
    auto data = sound();
    auto problem = data.problem();
    problem.gram = nullptr;
    check_refused(problem, {}, {"gram"});
}

TEST_CASE("gram: empty") {
    Data data{Matrix(0, 0)};
    check_refused(data, {"gram"});
}

TEST_CASE("gram: not square") {
    auto data = sound();
    const DenseGram<double> gram({data.gram.data.data(), 7, 8, 8});
    auto problem = data.problem();
    problem.gram = &gram;
    check_refused(problem, {}, {"gram", "7", "8"});
}

TEST_CASE("gram: rows that overlap") {
    auto data = sound();
    const DenseGram<double> gram({data.gram.data.data(), 8, 8, 5});
    auto problem = data.problem();
    problem.gram = &gram;
    check_refused(problem, {}, {"gram", "stride"});
}

TEST_CASE("gram: NaN") {
    auto data = sound();
    data.gram(2, 5) = data.gram(5, 2) = not_a_number;
    check_refused(data, {"gram", "2", "5"});
}

TEST_CASE("gram: NaN on the diagonal") {
    auto data = sound();
    data.gram(6, 6) = not_a_number;
    check_refused(data, {"gram", "6"});
}

TEST_CASE("gram: infinity") {
    auto data = sound();
    data.gram(2, 5) = data.gram(5, 2) = infinity;
    check_refused(data, {"gram", "2", "5"});
}

TEST_CASE("gram: asymmetric") {
    auto data = sound();
    data.gram(3, 6) += 0.01;
    check_refused(data, {"gram", "3", "6"});
}

TEST_CASE("gram: float32 NaN") {
    auto data = sound();
    std::vector<float> narrow(data.gram.data.begin(), data.gram.data.end());
    narrow[8 * 4 + 1] = narrow[8 * 1 + 4] = std::numeric_limits<float>::quiet_NaN();
    const DenseGram<float> gram({narrow.data(), 8, 8, 8});
    auto problem = data.problem();
    problem.gram = &gram;
    check_refused(problem, {}, {"gram", "1", "4"});
}

TEST_CASE("gram: negative diagonal") {
    auto data = sound();
    data.gram(4, 4) = -1;
    check_refused(data, {"gram", "4"});
}

TEST_CASE("gram: |G_ij| above sqrt(G_ii G_jj)") {
    auto data = sound();
    data.gram(1, 7) = data.gram(7, 1) = 1.01 * std::sqrt(data.gram(1, 1) * data.gram(7, 7));
    auto problem = data.problem();
    check_refused<IndefiniteGram>([&] { Paths(problem, {}); }, {"gram", "1", "7"});
}

TEST_CASE("gram: entries beside a zero diagonal") {
    auto data = sound();
    data.gram(3, 3) = 0;
    auto problem = data.problem();
    check_refused<IndefiniteGram>([&] { Paths(problem, {}); }, {"gram", "3"});
}

TEST_CASE("gram: indefinite although every pair is sound") {
    Data data{Matrix(4, 4)};
    for (Index i = 0; i < 4; ++i) data.gram(i, i) = 1;
    const auto set = [&](Index i, Index j, double x) { data.gram(i, j) = data.gram(j, i) = x; };
    set(1, 2, 0.9), set(1, 3, 0.9), set(2, 3, -0.9);
    set(0, 1, 0.5), set(0, 2, 0.4), set(0, 3, 0.3);
    auto problem = data.problem();
    check_refused<IndefiniteGram>([&] { Paths(problem, {}); }, {"gram"});
}

TEST_CASE("cross: wrong number of columns") {
    auto data = sound_cross();
    data.cross = Matrix(4, 7);
    check_refused(data, {"cross", "7", "8"});
}

TEST_CASE("cross: NaN") {
    auto data = sound_cross();
    data.cross(2, 5) = not_a_number;
    check_refused(data, {"cross", "2", "5"});
}

TEST_CASE("cross: infinity") {
    auto data = sound_cross();
    data.cross(0, 7) = -infinity;
    check_refused(data, {"cross", "0", "7"});
}

TEST_CASE("cross: larger than the moments of both sides allow") {
    auto data = sound_cross();
    data.cross(3, 2) = 1.5 * std::sqrt(data.energy[3] * data.gram(2, 2));
    check_refused(data, {"cross", "3", "2"});
}

TEST_CASE("cross: both precisions at once") {
    auto data = sound_cross();
    const std::vector<float> narrow(data.cross.data.begin(), data.cross.data.end());
    auto problem = data.problem();
    problem.cross.f32 = {narrow.data(), 4, 8, 8};
    check_refused(problem, {}, {"cross"});
}

TEST_CASE("energy: missing in the cross form") {
    auto data = sound_cross();
    auto problem = data.problem();
    problem.energy = nullptr;
    check_refused(problem, {}, {"energy"});
}

TEST_CASE("energy: negative") {
    auto data = sound_cross();
    data.energy[2] = -1;
    check_refused(data, {"energy", "2"});
}

TEST_CASE("energy: NaN") {
    auto data = sound_cross();
    data.energy[1] = not_a_number;
    check_refused(data, {"energy", "1"});
}

TEST_CASE("targets: an empty list") {
    auto data = sound();
    data.targets = {3};
    auto problem = data.problem();
    problem.target_count = 0;
    check_refused(problem, {}, {"targets"});
}

TEST_CASE("targets: beyond the last") {
    auto data = sound();
    data.targets = {0, 3, 8};
    check_refused(data, {"targets", "2", "8"});
}

TEST_CASE("targets: negative") {
    auto data = sound();
    data.targets = {0, -1};
    check_refused(data, {"targets", "1", "-1"});
}

TEST_CASE("targets: beyond the rows of cross") {
    auto data = sound_cross();
    data.targets = {4};
    check_refused(data, {"targets", "4"});
}

TEST_CASE("exclude_self: off in the intra-network form") {
    auto data = sound();
    data.exclude_self = false;
    check_refused(data, {"exclude"});
}

TEST_CASE("exclude_self: a target of the cross form that is no source") {
    auto data = Data::cross_form(gaussian(40, 8, 72), gaussian(40, 4, 73));
    data.exclude_self = true;
    check_refused(data, {"exclude", "4"});
}

TEST_CASE("exclusions: index beyond the last source") {
    auto data = sound();
    data.excluded.resize(8);
    data.excluded[3] = {1, 8};
    check_refused(data, {"exclu", "3", "8"});
}

TEST_CASE("exclusions: negative index") {
    auto data = sound();
    data.excluded.resize(8);
    data.excluded[0] = {-2};
    check_refused(data, {"exclu", "-2"});
}

TEST_CASE("exclusions: offsets that run backwards") {
    auto data = sound();
    auto problem = data.problem();
    const std::vector<Index> offset = {0, 2, 1, 2, 2, 2, 2, 2, 2};
    const std::vector<Id> index = {1, 2};
    problem.exclusions = {offset.data(), index.data()};
    check_refused(problem, {}, {"exclu", "2"});
}

TEST_CASE("exclusions: nothing left for a target") {
    auto data = sound();
    data.excluded.resize(8);
    for (Id j = 0; j < 8; ++j) data.excluded[5].push_back(j);
    check_refused(data, {"exclu", "5"});
}

TEST_CASE("weights: negative") {
    auto data = sound();
    data.weights.assign(8, 1.0);
    data.weights[6] = -0.5;
    check_refused(data, {"weights", "6"});
}

TEST_CASE("weights: NaN") {
    auto data = sound();
    data.weights.assign(64, 1.0);
    data.weights[8 * 3 + 6] = not_a_number;
    check_refused(data, {"weights", "3", "6"});
}

TEST_CASE("weights: unpenalised sources together with b >= 0") {
    auto data = sound();
    data.weights.assign(8, 1.0);
    data.weights[6] = 0;
    Options options;
    options.positive = true;
    check_refused(data.problem(), options, {"weights", "positive"});
}

TEST_CASE("weights: more unpenalised sources than max_terms") {
    auto data = sound();
    data.weights.assign(8, 0.0);
    Options options;
    options.max_terms = 3;
    check_refused(data.problem(), options, {"max_terms", "3", "7"});
}

TEST_CASE("weights: nothing left for a target") {
    auto data = sound();
    data.weights.assign(64, 1.0);
    for (Index j = 0; j < 8; ++j) data.weights[static_cast<std::size_t>(8 * 5 + j)] = infinity;
    check_refused(data, {"weights", "5"});
}

TEST_CASE("max_terms: negative") {
    Options options;
    options.max_terms = -1;
    check_option_refused(options, {"max_terms", "-1"});
}

TEST_CASE("min_lambda: negative") {
    Options options;
    options.min_lambda = -0.1;
    check_option_refused(options, {"min_lambda"});
}

TEST_CASE("min_lambda: NaN") {
    Options options;
    options.min_lambda = not_a_number;
    check_option_refused(options, {"min_lambda"});
}

TEST_CASE("min_lambdas: one of them negative") {
    std::vector<double> each(8, 0.1);
    each[5] = -1;
    Options options;
    options.min_lambdas = each.data();
    check_option_refused(options, {"min_lambda", "5"});
}

TEST_CASE("relative_error: negative") {
    Options options;
    options.relative_error = -0.1;
    check_option_refused(options, {"relative_error"});
}

TEST_CASE("relative_error: NaN") {
    Options options;
    options.relative_error = not_a_number;
    check_option_refused(options, {"relative_error"});
}

TEST_CASE("l2: negative") {
    Options options;
    options.l2 = -1;
    check_option_refused(options, {"l2"});
}

TEST_CASE("l2: infinite") {
    Options options;
    options.l2 = infinity;
    check_option_refused(options, {"l2"});
}

TEST_CASE("threads: negative") {
    Options options;
    options.threads = -2;
    check_option_refused(options, {"threads", "-2"});
}

TEST_CASE("at_lambda: negative") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    std::vector<double> lambda(8, 0.1);
    lambda[3] = -0.1;
    check_refused<InvalidArgument>([&] { paths.at_lambda(lambda.data()); }, {"lam", "3"});
}

TEST_CASE("at_lambda: NaN") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    std::vector<double> lambda(8, 0.1);
    lambda[7] = not_a_number;
    check_refused<InvalidArgument>([&] { paths.at_lambda(lambda.data()); }, {"lam", "7"});
}

TEST_CASE("at_terms: negative") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    check_refused<InvalidArgument>([&] { paths.at_terms(-1); }, {"terms", "-1"});
}

TEST_CASE("at_relative_error: negative") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    check_refused<InvalidArgument>([&] { paths.at_relative_error(-0.5); }, {"relative_error"});
}

TEST_CASE("at_relative_error: NaN") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    check_refused<InvalidArgument>([&] { paths.at_relative_error(not_a_number); }, {"relative_error"});
}

TEST_CASE("profile: NaN") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    const std::vector<double> lambda = {1, not_a_number};
    check_refused<InvalidArgument>([&] { paths.profile(0, lambda.data(), 2); }, {"lam", "1"});
}

TEST_CASE("profile and knots: no such target") {
    auto data = sound();
    const Paths paths(data.problem(), {});
    const double lambda = 1;
    check_refused<InvalidArgument>([&] { paths.profile(8, &lambda, 1); }, {"target", "8"});
    check_refused<InvalidArgument>([&] { paths.knots(-1); }, {"target", "-1"});
}
