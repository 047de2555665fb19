"""What people read: the terminal, the page, the ticket, the export."""
