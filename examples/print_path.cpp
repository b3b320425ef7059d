// Prints the solution path of one category: print_path MATRIX.csv TARGET [TERMS]
//
// MATRIX.csv holds the second moments of all categories, one row a line, numbers separated by commas or blanks.
#include <algorithm>
#include <covlasso/covlasso.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Table {
    std::vector<double> entries;
    covlasso::Index rows = 0;
};

Table read_table(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw covlasso::Error(file + ": cannot be opened");
    Table table;
    for (std::string line; std::getline(in, line);) {
        std::replace(line.begin(), line.end(), ',', ' ');
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        ++table.rows;
        std::istringstream numbers(line);
        for (double x; numbers >> x;) table.entries.push_back(x);
        if (!numbers.eof())
            throw covlasso::Error(file + ": row " + std::to_string(table.rows) + " holds no number");
    }
    if (table.rows * table.rows != static_cast<covlasso::Index>(table.entries.size()))
        throw covlasso::Error(file + ": is not square");
    return table;
}

void print_path(const Table& table, covlasso::Id target, covlasso::Index terms) {
    const covlasso::DenseGram<double> gram({table.entries.data(), table.rows, table.rows, table.rows});
    covlasso::Problem problem;
    problem.gram = &gram;
    problem.targets = &target;
    problem.target_count = 1;
    covlasso::Options options;
    options.max_terms = terms;
    const covlasso::Paths paths(problem, options);

    const double energy = gram.view()(target, target);
    std::printf("      lambda  source  event   error / energy\n");
    for (const auto* event = paths.begin(0); event != paths.end(0); ++event) {
        const auto profile = paths.profile(0, &event->lambda, 1);
        const char* what = event->sign > 0 ? "enters, +" : event->sign < 0 ? "enters, -" : "leaves";
        std::printf("%12.6g  %6d  %-9s  %.6f\n", event->lambda, event->source, what,
                    profile.error[0] / energy);
    }
    std::printf("ended at lambda = %.6g: %s, KKT residual %.1e\n", paths.lambda_end()[0],
                covlasso::to_string(paths.status()[0]), paths.kkt()[0]);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: print_path MATRIX.csv TARGET [TERMS]\n");
        return 2;
    }
    try {
        print_path(read_table(argv[1]), std::atoi(argv[2]), argc > 3 ? std::atoi(argv[3]) : 10);
    } catch (const covlasso::Error& error) {
        std::fprintf(stderr, "print_path: %s\n", error.what());
        return 1;
    }
}
