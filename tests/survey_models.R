# What R `survey` finds in the samples of survey_oracles.py: ordinal models and alpha.
# Rscript tests/survey_models.R FOLDER tests/golden
# BFGS is told to go on to the last digit and to difference the gradient over 1e-5, since its own
# defaults leave errors of 1e-4; a Newton search agrees with what stands here to 2e-8.
suppressWarnings(suppressMessages(library(survey)))
options(digits = 15, survey.lonely.psu = "fail")
args <- commandArgs(trailingOnly = TRUE)
read <- function(name) {
  frame <- read.csv(file.path(args[1], paste0(name, ".csv")), stringsAsFactors = FALSE)
  frame$grade <- factor(frame$overall)
  frame$size <- factor(frame$size, levels = c("small", "middle", "large"))
  frame
}
rows <- list()
put <- function(case, term, estimate, se, df, call) {
  rows[[length(rows) + 1]] <<- data.frame(case, term, estimate, se, df, call)
}
tight <- function(k) list(reltol = 1e-16, maxit = 5000, ndeps = rep(1e-5, k))
ordinal <- function(case, formula, design, k, method = "logistic") {
  rough <- svyolr(formula, design, method = method)
  start <- c(rough$coefficients, rough$zeta[1], log(diff(rough$zeta)))
  for (i in 1:3) {
    fit <- svyolr(formula, design, start = start, method = method, control = tight(k))
    start <- c(fit$coefficients, fit$zeta[1], log(diff(fit$zeta)))
  }
  values <- c(fit$coefficients, fit$zeta)
  put(case, names(values), values, sqrt(diag(fit$var)), degf(design), paste0("svyolr(", deparse(formula), ", ", method, ")"))
}
firms <- read("firms")
clustered <- svydesign(~psu, strata = ~stratum, weights = ~w, fpc = ~psus, data = firms)
ordinal("clustered", grade ~ staff + years, clustered, 6)
ordinal("factor", grade ~ log(staff) + size, clustered, 7)
ordinal("probit", grade ~ staff + years, clustered, 6, "probit")
elements <- read("elements")
strata <- svydesign(~1, strata = ~stratum, weights = ~w, data = elements)
ordinal("strata", grade ~ years + sector, strata, 7)
ordinal("missing", grade ~ years + part, strata, 6)
few <- transform(firms, grade = factor(pmin(overall, 3)))
ordinal("three_grades", grade ~ years + speed, svydesign(~psu, strata = ~stratum, weights = ~w, data = few), 4)
raked <- rake(clustered, list(~size, ~sector),
  list(data.frame(size = c("large", "middle", "small"), Freq = c(300, 260, 340)),
       data.frame(sector = c("A", "B", "C"), Freq = c(320, 280, 300))),
  control = list(epsilon = 1e-13, maxit = 500))
ordinal("raked", grade ~ staff + years, raked, 6)
put("alpha_clustered", "alpha", svycralpha(~speed + clarity + cost, clustered), NA, NA, "svycralpha(~speed + clarity + cost)")
put("alpha_strata", "alpha", svycralpha(~speed + clarity + cost + overall, strata), NA, NA, "svycralpha(~speed + clarity + cost + overall)")
same <- svydesign(~1, weights = ~rep(1, nrow(firms)), data = firms)
put("alpha_plain", "alpha", svycralpha(~speed + clarity + cost, same), NA, NA, "svycralpha, weights 1")
found <- do.call(rbind, rows)
for (column in c("estimate", "se")) found[[column]] <- ifelse(is.na(found[[column]]), "", sprintf("%.14g", found[[column]]))
path <- file.path(args[2], "survey_models.csv")
cat("# R survey", as.character(packageVersion("survey")), "on the samples of survey_oracles.py, made by survey_models.R.\n", file = path)
cat("# clustered: ~psu, strata ~stratum, weights ~w, fpc ~psus; strata: ~1, strata ~stratum, weights ~w, no fpc.\n", file = path, append = TRUE)
suppressWarnings(write.table(found, path, append = TRUE, sep = ",", row.names = FALSE, na = "", qmethod = "double",
  quote = which(names(found) == "call")))
