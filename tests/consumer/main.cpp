// Two equally correlated sources explain a target: b = (c - lambda/2) / (G_11 + G_12) each.
#include <cmath>
#include <covlasso/covlasso.hpp>
#include <cstdio>
#include <string>
#include <vector>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::printf("failed: %s\n", what);
    ++failures;
}

void check_solution() {
    const std::vector<double> g = {2.0, 0.8, 0.8, 0.8, 1.0, 0.5, 0.8, 0.5, 1.0};
    const covlasso::DenseGram<double> gram({g.data(), 3, 3, 3});
    covlasso::Problem problem;
    problem.gram = &gram;
    problem.target_count = 3;
    const covlasso::Paths paths(problem, {});
    expect(paths.lambda_max()[0] == 1.6, "lambda_max");

    const std::vector<double> lambda(3, 0.4);
    const auto solutions = paths.at_lambda(lambda.data());
    expect(solutions.status[0] == covlasso::Status::certified, "status");
    expect(solutions.offset[1] == 2, "two terms");
    for (std::size_t r = 0; r < 2; ++r)
        expect(std::abs(solutions.value[r] - 0.6 / 1.5) < 1e-15, "coefficients");
}

void check_exception() {
    const std::vector<double> asymmetric = {1.0, 0.2, 0.3, 1.0};
    const covlasso::DenseGram<double> gram({asymmetric.data(), 2, 2, 2});
    covlasso::Problem problem;
    problem.gram = &gram;
    problem.target_count = 2;
    try {
        const covlasso::Paths paths(problem, {});
        expect(false, "an asymmetric Gram is refused");
    } catch (const covlasso::InvalidArgument& error) {
        std::printf("refused as it should be: %s\n", error.what());
    }
}

}  // namespace

int main(int argc, char** argv) {
    expect(argc == 2 && std::string(argv[1]) == COVLASSO_VERSION, "version.hpp agrees with find_package");
    check_solution();
    check_exception();
    std::printf("covlasso %s, %d failures\n", COVLASSO_VERSION, failures);
    return failures == 0 ? 0 : 1;
}
