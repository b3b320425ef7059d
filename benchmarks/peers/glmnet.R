# One glmnet path for each target, the target itself excluded. Arguments: folder, rows, n, points, targets, thresh.
suppressMessages({library(glmnet); library(Matrix)})
args <- commandArgs(trailingOnly = TRUE)
folder <- args[1]
size <- as.integer(args[2:5])
thresh <- as.numeric(args[6])
doubles <- function(name, rows, columns) {
  matrix(readBin(file.path(folder, paste0(name, ".bin")), "double", rows * columns), rows, columns)
}

factor <- doubles("factor", size[1], size[2])
mu <- doubles("lambda", size[3], size[4])
targets <- as.integer(doubles("targets", size[4], 1))
one <- function(t) {
  i <- targets[t]
  glmnet(factor, factor[, i], lambda = mu[, t], standardize = FALSE, intercept = FALSE, exclude = i,
         thresh = thresh, type.gaussian = "covariance", maxit = 1e6)$beta
}
start <- proc.time()[["elapsed"]]
paths <- lapply(seq_along(targets), one)
cat(proc.time()[["elapsed"]] - start, file = file.path(folder, "seconds.txt"))
invisible(writeMM(do.call(cbind, paths), file.path(folder, "coef.mtx")))
