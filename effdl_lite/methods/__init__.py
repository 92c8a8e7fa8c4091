"""The methods of the course, a paper a file; each is a `Method` of `effdl_lite.training` or stands beside one."""
