//! Problems in job files, and their repair.

pub(crate) mod findings_and_flow;
mod job_file_edits;
mod job_repair;
