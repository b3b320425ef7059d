// What only CUDA devices have: faults found there, targets shared by several, memory that ends.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "problems.hpp"

using namespace test;
using covlasso::DenseGram;
using covlasso::FactoredGram;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Problem;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Options on(std::vector<int> devices) {
    Options options;
    options.devices = std::move(devices);
    return options;
}

/// What Paths says against the problem; empty: nothing.
std::string complaint(const Problem& problem, const Options& options) {
    try {
        Paths(problem, options);
    } catch (const covlasso::Error& error) {
        return error.what();
    }
    return "";
}

void check_same_complaint(const Problem& problem) {
    const std::string expected = complaint(problem, {});
    CHECK(expected != "");
    CHECK(complaint(problem, on({0})) == expected);
}

/// Spoils sound moments, in float64 and in float32: the device must say what the host says.
void check_gram_fault(const std::function<void(Matrix&)>& spoil) {
    Data data(correlated(70, 90, 71));
    spoil(data.gram);
    auto problem = data.problem();
    check_same_complaint(problem);
    const std::vector<float> narrow(data.gram.data.begin(), data.gram.data.end());
    const DenseGram<float> gram({narrow.data(), 70, 70, 70});
    problem.gram = &gram;
    check_same_complaint(problem);
}

void check_cross_fault(const std::function<void(Data&)>& spoil) {
    auto data = Data::cross_form(gaussian(90, 40, 72), gaussian(90, 70, 73));
    data.targets = {3, 31, 5};
    spoil(data);
    check_same_complaint(data.problem());
}

void check_same_bits(const Paths& a, const Paths& b) {
    CHECK(a.offset() == b.offset());
    REQUIRE(a.events().size() == b.events().size());
    for (std::size_t e = 0; e < a.events().size(); ++e) {
        CHECK(a.events()[e].lambda == b.events()[e].lambda);
        CHECK(a.events()[e].source == b.events()[e].source);
    }
    for (const bool refit : {false, true}) {
        const auto x = a.at_terms(5, refit), y = b.at_terms(5, refit);
        CHECK(x.index == y.index);
        CHECK(x.value == y.value);
        CHECK(x.status == y.status);
    }
    CHECK(a.knots(1).value == b.knots(1).value);
}

}  // namespace

TEST_CASE("faults of the Gram: a device finds the first one, as the host does") {
    check_gram_fault([](Matrix& g) { g(2, 65) = g(65, 2) = not_a_number; });
    check_gram_fault([](Matrix& g) { g(65, 2) = infinity; });
    check_gram_fault([](Matrix& g) { g(69, 69) = not_a_number; });
    check_gram_fault([](Matrix& g) { g(6, 6) = -1.0; });
    check_gram_fault([](Matrix& g) { g(3, 40) += 0.01; });
    check_gram_fault([](Matrix& g) { g(3, 40) = g(40, 3) = 100.0; });
    check_gram_fault([](Matrix& g) { g(50, 60) += 0.01, g(12, 13) += 0.01, g(12, 11) -= 0.01; });
    check_gram_fault([](Matrix& g) { g(0, 1) += 0.01, g(68, 68) = infinity; });
}

TEST_CASE("faults of cross rows and energies: those of the targets, in their order") {
    check_cross_fault([](Data& d) { d.cross(31, 60) = not_a_number; });
    check_cross_fault([](Data& d) { d.cross(5, 0) = 100.0; });
    check_cross_fault([](Data& d) { d.energy[31] = -1.0; });
    check_cross_fault([](Data& d) { d.energy[5] = infinity, d.cross(31, 2) = -100.0; });
    check_cross_fault(
        [](Data& d) { d.cross(31, 2) = 100.0, d.cross(31, 1) = 100.0, d.cross(4, 0) = infinity; });
}

TEST_CASE("faults of other rows are nobody's business") {
    auto data = Data::cross_form(gaussian(90, 40, 72), gaussian(90, 70, 73));
    data.targets = {3, 31, 5};
    data.cross(4, 0) = not_a_number;
    data.energy[6] = -1.0;
    CHECK(complaint(data.problem(), on({0})) == "");
}

TEST_CASE("equal bits however many devices share the targets, and from one run to the next") {
    Data data(correlated(90, 60, 51));
    const auto problem = data.problem();
    const Paths one(problem, on({0}));
    check_same_bits(one, Paths(problem, on({0})));
    std::vector<int> all;
    for (int device = covlasso::cuda_device_count() - 1; device >= 0; --device) all.push_back(device);
    check_same_bits(one, Paths(problem, on(all)));
}

TEST_CASE("more devices than targets") {
    Data data(correlated(9, 60, 51));
    data.targets = {4};
    std::vector<int> all;
    for (int device = 0; device < covlasso::cuda_device_count(); ++device) all.push_back(device);
    CHECK(Paths(data.problem(), on(all)).interrupted() == 0);
}

TEST_CASE("many targets, in slices where memory is short: each as if it were alone") {
    constexpr std::size_t categories = 20, copies = 300;
    Data data(correlated(categories, 30, 54));
    for (std::size_t t = 0; t < categories * copies; ++t)
        data.targets.push_back(static_cast<Id>(t % categories));
    const Paths paths(data.problem(), on({0}));
    const auto solutions = paths.at_terms(4);
    std::size_t different = 0;
    for (std::size_t t = categories; t < data.targets.size(); ++t) {
        const std::size_t first = t % categories;
        const auto count = solutions.offset[t + 1] - solutions.offset[t];
        const auto* value = solutions.value.data();
        const bool same = paths.end(static_cast<Index>(t)) - paths.begin(static_cast<Index>(t)) ==
                              paths.end(static_cast<Index>(first)) - paths.begin(static_cast<Index>(first)) &&
                          count == solutions.offset[first + 1] - solutions.offset[first] &&
                          std::equal(value + solutions.offset[t], value + solutions.offset[t + 1],
                                     value + solutions.offset[first]);
        different += same && solutions.status[t] == covlasso::Status::certified ? 0 : 1;
    }
    CHECK(different == 0);
}

TEST_CASE("a device that is not there") {
    Data data(correlated(9, 60, 51));
    for (const int device : {covlasso::cuda_device_count(), -1}) {
        CAPTURE(device);
        CHECK_THROWS_AS(Paths(data.problem(), on({device})), covlasso::DeviceUnavailable);
        CHECK(complaint(data.problem(), on({device})).find("cuda:" + std::to_string(device)) !=
              std::string::npos);
    }
}

TEST_CASE("more memory than any device has: the message gives the numbers") {
    const Index p = 300000;
    const std::vector<double> rows(static_cast<std::size_t>(p), 1.0);
    const FactoredGram gram({rows.data(), p, 1, 1});
    const std::vector<Id> targets = {0};
    Problem problem;
    problem.gram = &gram;
    problem.targets = targets.data();
    problem.target_count = 1;
    CHECK_THROWS_AS(Paths(problem, on({0})), covlasso::OutOfDeviceMemory);
    const std::string message = complaint(problem, on({0}));
    CAPTURE(message);
    CHECK(message.find("720000 MB are wanted") != std::string::npos);
    CHECK(message.find("the Gram of the factor") != std::string::npos);
    Data small(correlated(9, 60, 51));  // is solved on the same device afterwards
    CHECK(complaint(small.problem(), on({0})) == "");
}

TEST_CASE("moments on a device without a device to solve on") {
    Data data(correlated(9, 60, 51));
    auto problem = data.problem();
    problem.on_device = true;
    CHECK(complaint(problem, {}).find("device") == 0);
}

TEST_CASE("progress that returns false stops the work; what is done stays") {
    Data data(correlated(120, 150, 52));
    auto options = on({0});
    options.progress = [](Index, Index) { return false; };
    const Paths paths(data.problem(), options);
    const auto solutions = paths.at_terms(3);
    for (std::size_t t = 0; t < 120; ++t)
        CHECK((paths.status()[t] == covlasso::Status::interrupted) ==
              (solutions.status[t] == covlasso::Status::interrupted));
}
