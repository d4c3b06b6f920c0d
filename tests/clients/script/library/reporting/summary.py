def summarize(host, hosts, files, rows):
    return f"{host} of {len(hosts)} fitted {rows} rows of {files} files"
