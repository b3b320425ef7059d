// A Gram that the caller changes between the path and its reading: for what is read in place, not from a device's copy.
#include <limits>

#include "doctest/doctest.h"
#include "problems.hpp"

using covlasso::Options;
using covlasso::Paths;
using covlasso::Solutions;
using covlasso::Status;
using namespace test;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

TEST_CASE("certificate: what is not a number when it is read certifies nothing") {
    const double wrong[] = {std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity()};
    for (const auto method : {covlasso::Method::lasso, covlasso::Method::pursuit})
        for (const double value : wrong) {
            Data data(correlated(12, 60, 53));
            Options options;
            options.max_terms = 4;
            options.method = method;
            const Paths paths(data.problem(), options);
            const auto is_spoilt = [&](Index terms, Index t) {
                const Solutions found = paths.at_terms(terms);
                CHECK(found.status[at(t)] == Status::uncertified);
                CHECK(!(found.kkt[at(t)] <= covlasso::kkt_tolerance));
            };
            const Solutions before = paths.at_terms(2);
            const Id active = before.index[at(before.offset[3])];
            for (Index j = 0; j < 12; ++j) {
                if (j == active) continue;
                const double kept = data.gram(active, j);
                data.gram(active, j) = value;
                is_spoilt(2, j == 3 ? active : 3);
                data.gram(active, j) = kept;
            }
            for (Index j = 0; j < 12; ++j) {  // b = 0 reads the target's own row
                const double kept = data.gram(5, j);
                data.gram(5, j) = value;
                is_spoilt(0, 5);
                data.gram(5, j) = kept;
            }
            for (const Status status : paths.at_terms(2).status) CHECK(status == Status::certified);
        }
}
