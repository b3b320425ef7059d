// The core's FactoredGram behind a numpy array.
#pragma once

#include <memory>

#include "arrays.hpp"

namespace covlasso::python {

/// covlasso::FactoredGram with the array it looks at.
class ArrayFactor {
public:
    /// TypeError, ValueError unless `factor` is a float64 matrix that FactoredGram takes.
    explicit ArrayFactor(const VectorArgument<double>& factor);

    std::shared_ptr<const Gram> gram() const { return gram_; }
    py::array_t<double> diagonal() const;
    /// The rows of G numbered in `index`, (k, n).
    py::array_t<double> rows(const VectorArgument<Id>& index) const;

private:
    py::array factor_;
    std::shared_ptr<const FactoredGram> gram_;
};

}  // namespace covlasso::python
