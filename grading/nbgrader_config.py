"""nbgrader's settings: start its commands in this folder, for example `nbgrader formgrader`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

c = get_config()  # noqa: F821 - a name that nbgrader puts here
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = "effdl"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "labs"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/gradebook/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"
c.CourseDirectory.db_url = f"sqlite:///{ROOT / 'grading' / 'gradebook' / 'gradebook.db'}"
