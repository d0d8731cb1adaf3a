# What R `survey` finds in the samples of survey_oracles.py.
# Rscript tests/survey_oracles.R FOLDER tests/golden
suppressWarnings(suppressMessages(library(survey)))
options(digits = 15, survey.lonely.psu = "fail", warn = -1)
args <- commandArgs(trailingOnly = TRUE)
read <- function(name) {
  path <- file.path(args[1], paste0(name, ".csv"))
  frame <- read.csv(path, stringsAsFactors = FALSE, na.strings = c("", "NA"))
  frame$row <- seq_len(nrow(frame))
  frame
}
for (name in c("firms", "elements", "two_stage", "three_stage", "lonely", "lonely_inside", "plain", "paired"))
  assign(name, read(name))

rows <- list()
put <- function(design, kind, variable, by, option, domain, level, estimate, se, low = NA,
                high = NA, deff = NA, df = NA) {
  rows[[length(rows) + 1]] <<- data.frame(design, kind, variable, by, option, domain, level,
    estimate = as.numeric(estimate), se = as.numeric(se), low = as.numeric(low),
    high = as.numeric(high), deff = as.numeric(deff), df = as.numeric(df))
}
# R takes the rank of the replicate weights, less one, and takes it anew after calibration, which
# undoes the dependence between replicates of a stratum. Here a jackknife has units less strata
# that hold somebody of the domain, and calibration leaves degrees of freedom alone: `plain`.
freedom <- function(d) {
  if (is.null(d$plain)) return(degf(d))
  plain <- get(d$plain)
  degf(plain[plain$variables$row %in% d$variables$row, ])
}
with_freedom_of <- function(d, plain) { d$plain <- plain; d }
FUN <- list(mean = svymean, total = svytotal, proportion = svymean)
is_text <- function(d, variable) is.character(d$variables[[variable]])

# One statistic of a (sub)design, with t limits at its own degrees of freedom.
one <- function(name, d, kind, variable, by = "", domain = "", wanted = TRUE) {
  d$variables[[variable]] <- if (is_text(d, variable)) factor(d$variables[[variable]]) else d$variables[[variable]]
  formula <- as.formula(paste0("~", variable))
  stat <- FUN[[kind]](formula, d, na.rm = TRUE, deff = wanted)
  seen <- subset(d, !is.na(d$variables[[variable]]))
  df <- freedom(seen)
  limits <- confint(stat, df = df)
  level <- if (is.factor(d$variables[[variable]])) substring(names(coef(stat)), nchar(variable) + 1) else ""
  deff <- if (identical(wanted, FALSE)) NA else if (length(coef(stat)) == 1) as.numeric(deff(stat)) else diag(as.matrix(attr(stat, "deff")))
  put(name, kind, variable, by, "t", domain, level, coef(stat), SE(stat), limits[, 1], limits[, 2], deff, df)
}
ratio <- function(name, d, top, bottom, by = "", domain = "") {
  stat <- svyratio(as.formula(paste0("~", top)), as.formula(paste0("~", bottom)), d, na.rm = TRUE)
  df <- freedom(subset(d, !is.na(d$variables[[top]]) & !is.na(d$variables[[bottom]])))
  limits <- confint(stat, df = df)
  put(name, "ratio", top, by, bottom, domain, "", coef(stat), SE(stat), limits[1], limits[2], NA, df)
}
quantiles <- function(name, d, variable, at, by = "", domain = "") {
  formula <- as.formula(paste0("~", variable))
  df <- freedom(subset(d, !is.na(d$variables[[variable]])))
  stat <- svyquantile(formula, d, at, interval.type = "mean", qrule = "math", ci = TRUE, na.rm = TRUE, df = df)[[1]]
  for (i in seq_along(at))
    put(name, "quantile", variable, by, at[i], domain, "", stat[i, 1], stat[i, 4], stat[i, 2], stat[i, 3], NA, df)
}
shares <- function(name, d, variable, level, methods) {
  d$variables$hit <- as.numeric(d$variables[[variable]] == level)
  for (method in methods) {
    stat <- svyciprop(~hit, d, method = if (method == "t") "mean" else method, df = freedom(d))
    limits <- attr(stat, "ci")
    put(name, "proportion", variable, "", method, "", level, coef(stat), SE(stat), limits[1], limits[2], NA, freedom(d))
  }
}
domains <- function(name, d, kind, variable, by, wanted = TRUE) {
  keys <- d$variables[, by, drop = FALSE]
  label <- do.call(paste, c(lapply(keys, as.character), sep = ";"))
  label[!complete.cases(keys)] <- NA
  for (domain in sort(unique(label[weights(d, "sampling") != 0]))) {
    part <- subset(d, label %in% domain)
    names <- paste(by, collapse = ";")
    if (kind == "ratio") ratio(name, part, variable, "staff", names, domain)
    else if (kind == "quantile") quantiles(name, part, variable, 0.5, names, domain)
    else one(name, part, kind, variable, names, domain, wanted)
  }
}
# Means of k groups are a regression with k coefficients: k - 1 degrees of freedom are lost, as in
# svyttest and svyglm.
contrast <- function(name, d, option, stat, lost = 0, inside = d) {
  stat <- svycontrast(stat, list(contrast = eval(attr(stat, "weights"))))
  df <- freedom(inside) - lost
  limits <- confint(stat, df = df)
  put(name, "contrast", "", "", option, "", "", coef(stat), SE(stat), limits[1], limits[2], NA, df)
}
contrasts <- function(name, d) {
  both <- svymean(~speed + clarity, d)
  attr(both, "weights") <- c(speed = 1, clarity = -1)
  contrast(name, d, "mean speed - clarity", both)
  three <- svytotal(~speed + clarity + cost, d)
  attr(three, "weights") <- c(speed = 1, clarity = 1, cost = -2)
  contrast(name, d, "total speed + clarity - 2 cost", three)
  for (level in c("A", "B", "C")) {
    d$variables[[paste0("n", level)]] <- as.numeric(d$variables$sector == level)
    d$variables[[paste0("y", level)]] <- d$variables$y * (d$variables$sector == level)
  }
  if (inherits(d, "svyrep.design")) {
    by <- svyby(~y, ~sector, d, svymean, covmat = TRUE)
    attr(by, "weights") <- c(A = 1, B = -0.5, C = -0.5)
  } else {  # svyby(covmat = TRUE) of 4.1.1 stops on calibrated designs; the same by the delta method
    by <- svytotal(~yA + yB + yC + nA + nB + nC, d)
    attr(by, "weights") <- quote(quote(yA / nA - 0.5 * yB / nB - 0.5 * yC / nC))
  }
  contrast(name, d, "mean y A - (B + C) / 2", by, lost = 2)
  total <- svytotal(~yA + yB, d)
  attr(total, "weights") <- c(yA = 1, yB = -1)
  contrast(name, d, "total y A - B", total, inside = subset(d, sector != "C"))
}
tests <- function(name, d, row, column) {
  for (v in c(row, column)) d$variables[[v]] <- factor(d$variables[[v]])
  found <- svychisq(as.formula(paste0("~", row, "+", column)), d, statistic = "F")
  put(name, "chi_square", row, column, "F", "", "", found$statistic, NA, NA, NA, NA, NA)
  put(name, "chi_square", row, column, "df1", "", "", found$parameter[1], NA)
  put(name, "chi_square", row, column, "df2", "", "", found$parameter[2], NA)
  put(name, "chi_square", row, column, "p", "", "", found$p.value, NA)
}
everything <- function(name, d, wanted = TRUE, methods = c("t", "logit", "beta")) {
  if (!is.null(d$plain)) d$degf <- freedom(d)
  for (kind in c("mean", "total")) {
    one(name, d, kind, "y", wanted = wanted)
    one(name, d, kind, "part", wanted = wanted)
    domains(name, d, kind, "y", "sector", wanted)
  }
  one(name, d, "proportion", "sector", wanted = wanted)
  one(name, d, "total", "sector", wanted = FALSE)
  ratio(name, d, "cases", "staff")
  ratio(name, d, "part", "staff")
  domains(name, d, "ratio", "cases", "sector")
  quantiles(name, d, "y", c(0.25, 0.5, 0.75))
  quantiles(name, d, "overall", c(0.3, 0.5))
  quantiles(name, d, "part", 0.5)
  shares(name, d, "pace", "fast", methods)
  contrasts(name, d)
  tests(name, d, "pace", "sector")
}
small <- function(name, d) {
  one(name, d, "mean", "y")
  one(name, d, "total", "y")
  one(name, d, "proportion", "sector")
  ratio(name, d, "cases", "staff")
  domains(name, d, "mean", "y", "sector")
}

# Taylor linearisation: stages, strata, counts.
base <- svydesign(~psu, strata = ~stratum, weights = ~w, fpc = ~psus, data = firms)
everything("firms", base)
domains("firms", base, "mean", "y", c("sector", "mood"))
domains("firms", base, "mean", "part", "size")
domains("firms", base, "mean", "y", "branch")
domains("firms", base, "quantile", "y", "sector")
tests("firms", base, "size", "sector")
open <- svydesign(~1, strata = ~stratum, weights = ~w, data = elements)
everything("elements", open)
domains("elements", open, "mean", "y", "branch")
domains("elements", open, "quantile", "overall", "sector")
tests("elements", open, "mood", "branch")
small("elements_counted", svydesign(~1, strata = ~stratum, weights = ~w, fpc = ~psus, data = elements))
everything("two_stage", svydesign(~psu + unit, strata = ~stratum, weights = ~w, fpc = ~psus + units, data = two_stage))
small("two_stage_first", svydesign(~psu, strata = ~stratum, weights = ~w, data = two_stage))
small("two_stage_nested", svydesign(~number + place, strata = ~stratum, weights = ~w, fpc = ~psus + units, data = two_stage, nest = TRUE))
small("two_stage_halves", svydesign(~psu + unit, strata = ~stratum + half, weights = ~w, fpc = ~psus + halves, data = two_stage))
small("two_stage_no_weights", svydesign(~psu + unit, strata = ~stratum, fpc = ~psus + units, data = two_stage))
everything("three_stage", svydesign(~psu + house + person, strata = ~stratum, weights = ~w, fpc = ~psus + houses + persons, data = three_stage))

# Strata with one PSU.
for (policy in c("remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = policy)
  small(paste0("lonely_", policy), svydesign(~psu, strata = ~stratum, weights = ~w, data = lonely))
  small(paste0("lonely_counted_", policy), svydesign(~psu, strata = ~stratum, weights = ~w, fpc = ~psus, data = lonely))
}
for (policy in c("remove", "certainty", "adjust")) {
  options(survey.lonely.psu = policy)
  small(paste0("lonely_inside_", policy), svydesign(~psu + unit, strata = ~stratum, weights = ~w, fpc = ~psus + units, data = lonely_inside))
}
options(survey.lonely.psu = "fail")

# Calibrated weights.
cells <- data.frame(size = rep(c("large", "middle", "small"), 3), sector = rep(c("A", "B", "C"), each = 3),
  Freq = c(450, 720, 690, 460, 540, 360, 400, 220, 560))
margin <- function(column, levels, counts) { m <- data.frame(levels, Freq = counts); names(m)[1] <- column; m }
sizes <- margin("size", c("small", "middle", "large"), c(1700, 1300, 1400))
sectors <- margin("sector", c("A", "B", "C"), c(1750, 1450, 1200))
moods <- margin("mood", c("yes", "no"), c(2000, 2400))
far <- list(maxit = 200, epsilon = 0)  # all 200 sweeps, for replicates too
post <- postStratify(base, ~size + sector, cells)
everything("post", post, methods = c("t", "logit", "beta"))
domains("post", post, "mean", "y", "mood")
raked <- rake(base, list(~size, ~sector, ~mood), list(sizes, sectors, moods), control = far)
everything("rake", raked)
domains("rake", raked, "mean", "y", "branch")
two <- rake(svydesign(~psu + unit, strata = ~stratum, weights = ~w, fpc = ~psus + units, data = two_stage),
  list(~sector, ~mood), list(margin("sector", c("A", "B", "C"), c(120, 105, 190)), margin("mood", c("yes", "no"), c(190, 225))), control = far)
small("two_stage_rake", two)
linear <- calibrate(base, ~staff + years, c(`(Intercept)` = 4400, staff = 130000, years = 50000))
everything("linear", linear)
small("linear_no_intercept", calibrate(base, ~staff + years - 1, c(staff = 130000, years = 50000)))
exponential <- calibrate(base, ~staff + years, c(`(Intercept)` = 4400, staff = 130000, years = 50000), calfun = "raking", epsilon = 1e-13, maxit = 200)
everything("exponential", exponential)
small("trim", trimWeights(raked, lower = 15, upper = 60, strict = TRUE))
small("trim_plain", trimWeights(base, lower = 15, upper = 60, strict = TRUE))
for (name in c("post", "rake", "linear", "exponential")) {
  w <- weights(get(c(post = "post", rake = "raked", linear = "linear", exponential = "exponential")[[name]]))
  for (i in c(1, 50, 130)) put(name, "weight", "", "", "", i - 1, "", w[i], NA)
}
w <- weights(trimWeights(raked, lower = 15, upper = 60, strict = TRUE))
for (i in c(1, 50, 130)) put("trim", "weight", "", "", "", i - 1, "", w[i], NA)

# Replicate weights.
some <- c("t", "beta")
everything("jk1", as.svrepdesign(svydesign(~psu, weights = ~w, data = plain), "JK1", compress = FALSE), methods = some)
everything("jk1_counted", as.svrepdesign(svydesign(~psu, weights = ~w, fpc = ~psus, data = plain), "JK1", compress = FALSE), methods = some)
uncounted <- svydesign(~psu, strata = ~stratum, weights = ~w, data = firms)
everything("jkn", with_freedom_of(as.svrepdesign(uncounted, "JKn", compress = FALSE), "base"), methods = some)
jkn <- with_freedom_of(as.svrepdesign(base, "JKn", compress = FALSE), "base")
everything("jkn_counted", jkn, methods = some)
jackraked <- rake(jkn, list(~size, ~sector, ~mood), list(sizes, sectors, moods), control = far)
small("jkn_counted_rake", jackraked)
small("jkn_counted_post", postStratify(jkn, ~sector, sectors))
everything("jkn_counted_linear", calibrate(jkn, ~staff + years, c(`(Intercept)` = 4400, staff = 130000, years = 50000), compress = FALSE), methods = some)
given <- function(kind, type, ...) {
  columns <- as.matrix(paired[, grep(paste0("^", kind, "[0-9]+$"), names(paired))])
  svrepdesign(data = paired, weights = ~w, repweights = columns, type = type, combined.weights = TRUE, ...)
}
everything("given_brr", given("brr", "BRR"), methods = some)
everything("given_fay", given("fay", "Fay", rho = 0.3), methods = some)
everything("given_jkn", given("jkn", "JKn", rscales = rep(0.5, 14), scale = 1), methods = some)
everything("given_boot", given("boot", "bootstrap"), methods = some)
everything("given_other", given("boot", "other", scale = 0.04, rscales = rep(c(0.5, 1.5), 10)), methods = some)
fay <- given("fay", "Fay", rho = 0.3)
fayraked <- rake(with_freedom_of(fay, "fay"), list(~sector, ~mood),
  list(margin("sector", c("A", "B", "C"), c(420, 380, 500)), margin("mood", c("yes", "no"), c(610, 690))), control = far)
small("given_fay_rake", fayraked)

found <- do.call(rbind, rows)
for (column in c("estimate", "se", "low", "high", "deff"))
  found[[column]] <- ifelse(is.finite(found[[column]]), sprintf("%.14g", found[[column]]), "")
path <- file.path(args[2], "survey_packages.csv")
cat("# R survey", as.character(packageVersion("survey")), "on the samples of survey_oracles.py, made by survey_oracles.R;",
    "low and high: 95 %, t at the degrees of freedom of the (sub)design.\n", file = path)
write.table(found, path, append = TRUE, sep = ",", row.names = FALSE, na = "", quote = FALSE)
