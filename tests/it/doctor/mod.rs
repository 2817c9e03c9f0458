//! Faults of job files and their repair.

mod findings_and_flow;
mod job_file_edits;
mod job_repair;
