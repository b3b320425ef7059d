// The code of one set of instructions; compiled once for each, with COVLASSO_ISA naming it.
#include "cpu/backend.hpp"

#include "cpu/dense_products.hpp"
#include "cpu/factor_products.hpp"
#include "cpu/rounded_products.hpp"
#include "cpu/serial_worker.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

static std::unique_ptr<Worker> make_worker(const Problem& problem, const Options& options, const double* root,
                                           const std::atomic<bool>* stop) {
    return std::unique_ptr<Worker>(new SerialWorker(problem, options, root, stop));
}

#define COVLASSO_STRING_OF(x) #x
#define COVLASSO_STRING(x) COVLASSO_STRING_OF(x)

extern const Backend backend;
const Backend backend{COVLASSO_STRING(COVLASSO_ISA),
                      make_worker,
                      multiply_dense<float>,
                      multiply_dense<double>,
                      multiply_factor,
                      gather_factor,
                      factor_epsilon,
                      round_rows,
                      pack_vector,
                      multiply_rounded};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
