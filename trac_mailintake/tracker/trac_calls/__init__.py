"""What a call of Trac's own code needs: a request, no listeners, a browser's line ends, somebody's exceptions."""
