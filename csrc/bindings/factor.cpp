#include "factor.hpp"

#include <string>

namespace covlasso::python {

ArrayFactor::ArrayFactor(const VectorArgument<double>& factor)
    : factor_(array_of(factor, "factor", py::isinstance<py::array_t<double>>(factor), "float64")) {
    if (factor_.ndim() != 2)
        throw py::value_error("factor: expected shape (n, r), given " + shape_text(factor_));
    const auto view = matrix_view<double>(factor_, "factor");
    const py::gil_scoped_release free_gil;
    gram_ = std::make_shared<const FactoredGram>(view);
}

py::array_t<double> ArrayFactor::diagonal() const {
    std::vector<double> out(static_cast<std::size_t>(gram_->size()));
    gram_->diagonal(out.data());
    return moved<double>(std::move(out));
}

py::array_t<double> ArrayFactor::rows(const VectorArgument<Id>& index) const {
    const Index n = gram_->size();
    const Index count =
        py::isinstance<py::array>(index) ? py::reinterpret_borrow<py::array>(index).size() : 0;
    const Id* row = vector_view<Id>(index, "index", count);
    const double one = 1.0;
    py::array_t<double> out({count, n});
    std::vector<Product> products;
    for (Index t = 0; t < count; ++t) {
        if (row[t] < 0 || row[t] >= n)
            throw py::index_error("index: " + std::to_string(row[t]) + " at position " + std::to_string(t) +
                                  " is out of range for " + std::to_string(n) + " categories");
        products.push_back({{row + t, &one, 1}, out.mutable_data() + t * n});
    }
    const py::gil_scoped_release free_gil;
    gram_->multiply_all(products.data(), count);
    return out;
}

}  // namespace covlasso::python
