//! Whole configurations: the acceptance case of MOSN's tutorial, good and bad files, round trips.

mod tutorial;
