#include "inputs.hpp"

#include <numeric>

#include "factored_gram.hpp"

namespace covlasso {
namespace cuda {

/// Whether the current device reads this address as its own memory.
static bool lies_here(const void* pointer) {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, pointer), "looking up an address");
    int device = 0;
    check(cudaGetDevice(&device), "looking up the current device");
    return attributes.type == cudaMemoryTypeManaged ||
           (attributes.type == cudaMemoryTypeDevice && attributes.device == device);
}

Inputs::Inputs(const Problem& problem, const Options& options, const Stream& stream)
    : stream_(stream), fault_(stream, 1, "a flag") {
    job_.problem = problem;
    job_.problem.gram = nullptr;
    job_.rules = rules(problem, options, place_gram(*problem.gram));
    place_cross(problem);
    place_lists(problem);
    job_.rules.min_lambdas = place(options.min_lambdas, problem.target_count, "the ends of the paths");

    double* root = keep<double>(job_.gram.rows(), "the diagonal");
    job_.root = root;
    fault_.fill(0xff);
    moments_.cross_slack = cross_slack(problem);
    find_faults(moments_, root, fault_.data(), stream.get());
}

void Inputs::check_moments() const {
    const Fault fault = fault_.download(1)[0];
    if (fault != no_fault) throw_fault(fault, moments_);
}

double Inputs::place_gram(const Gram& gram) {
    const AnyMatrix matrix = gram.matrix();
    const MatrixView<double> factor = gram.factor();
    if (matrix.empty() && factor.data != nullptr) return form(factor);
    if (matrix.empty())
        write_out(gram);
    else
        job_.gram = place(matrix, "the Gram");
    moments_.gram = job_.gram;
    return gram.epsilon();
}

/// Row by row, through the interface that a Gram of the caller's own has; it is taken at its word, as on the processors.
void Inputs::write_out(const Gram& gram) {
    const Index p = gram.size();
    double* entries = keep<double>(p * p, "the Gram");
    std::vector<Id> all(static_cast<std::size_t>(p));
    std::iota(all.begin(), all.end(), Id{0});
    std::vector<double> row(all.size());
    for (Index i = 0; i < p; ++i) {
        gram.gather(static_cast<Id>(i), all.data(), p, row.data());
        check(cudaMemcpyAsync(entries + i * p, row.data(), row.size() * sizeof(double), cudaMemcpyDefault,
                              stream_.get()),
              "copying to the device");
        stream_.synchronize();  // before the row becomes another
    }
    job_.gram.f64 = {entries, p, p, p};
    moments_.gram_is_sound = true;
}

double Inputs::form(const MatrixView<double>& factor) {
    const Index p = factor.rows;
    double* formed = keep<double>(p * p, "the Gram of the factor");
    const auto lasting = kept_.size();
    form_gram(place(factor, "the factor"), formed, stream_.get());
    while (kept_.size() > lasting)
        kept_.pop_back();  // the factor has done its work, in the order of the stream
    job_.gram.f64 = {formed, p, p, p};
    moments_.gram = job_.gram;
    moments_.gram_is_sound = true;
    return formed_epsilon(factor.cols);
}

void Inputs::place_cross(const Problem& problem) {
    job_.problem.cross = place(problem.cross, "the cross rows");
    job_.problem.energy =
        problem.intra() ? nullptr : place(problem.energy, problem.cross.rows(), "the energies");
    moments_.cross = job_.problem.cross;
    moments_.energy = job_.problem.energy;
}

/// What validate() has read in the memory of the host.
void Inputs::place_lists(const Problem& problem) {
    const Index count = problem.target_count;
    job_.problem.targets = place(problem.targets, count, "the targets");
    moments_.targets = job_.problem.targets;
    moments_.target_count = count;
    const Index rows = problem.weights_stride == 0 ? 1 : count;
    const Index stride = problem.weights_stride == 0 ? problem.sources() : problem.weights_stride;
    job_.problem.weights = place(problem.weights, (rows - 1) * stride + problem.sources(), "the weights");
    if (!problem.own.empty()) {
        job_.problem.own.rows = place(problem.own.rows, "the targets' own rows");
        const Index responses = problem.own.begin(count - 1) + problem.own.count(count - 1);
        job_.problem.own.response = place(problem.own.response, responses, "the targets' own rows");
        job_.problem.own.offset = place(problem.own.offset, count + 1, "the targets' own rows");
        job_.problem.own.first = place(problem.own.first, count, "the targets' own rows");
    }
    if (problem.exclusions.empty()) return;
    const Index* offset = problem.exclusions.offset;
    job_.problem.exclusions.offset = place(offset, count + 1, "the exclusions");
    job_.problem.exclusions.index = place(problem.exclusions.index, offset[count], "the exclusions");
}

template <class T>
const T* Inputs::place(const T* from, Index count, const char* what) {
    if (from == nullptr || lies_here(from)) return from;
    T* to = keep<T>(count, what);
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyDefault,
                          stream_.get()),
          "copying to the device");
    return to;
}

template <class T>
MatrixView<T> Inputs::place(const MatrixView<T>& from, const char* what) {
    if (lies_here(from.data)) return from;
    if (from.stride == from.cols)  // in one piece, which is faster
        return {place(from.data, from.rows * from.cols, what), from.rows, from.cols, from.cols};
    T* to = keep<T>(from.rows * from.cols, what);
    const std::size_t width = static_cast<std::size_t>(from.cols) * sizeof(T);
    check(cudaMemcpy2DAsync(to, width, from.data, static_cast<std::size_t>(from.stride) * sizeof(T), width,
                            static_cast<std::size_t>(from.rows), cudaMemcpyDefault, stream_.get()),
          "copying to the device");
    return {to, from.rows, from.cols, from.cols};
}

AnyMatrix Inputs::place(const AnyMatrix& from, const char* what) {
    if (from.f64.data) return place(from.f64, what);
    if (from.f32.data) return place(from.f32, what);
    return {};
}

template <class T>
T* Inputs::keep(Index count, const char* what) {
    kept_.emplace_back(stream_, static_cast<std::size_t>(count) * sizeof(T), what);
    return reinterpret_cast<T*>(kept_.back().data());
}

}  // namespace cuda
}  // namespace covlasso
