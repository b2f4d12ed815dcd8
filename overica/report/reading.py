"""How to read the tables of any study."""

TABLES = {
    "0.97 ±0.01": "Mean and sample standard deviation over the seeds, where there are several; “–” is a figure that "
    "does not exist.",
    "best": "The best of the seeds. Nobody knows beforehand which seed that is: expect the mean.",
    "★": "The best mean of its column, with what is printed the same; references, such as a random dictionary, do not "
    "compete.",
    "L0 −17 %": "On held-out samples the mean number of active features is that much off the level at which methods "
    "are compared, if it is more than 5 %: compare with care. Thresholds that were learned are moved to the level on "
    "the samples of the fit; what an l1 penalty gives is as it is.",
}
"""Marks of tables and what they mean."""
