"""What people see: the command line, reports and figures."""
