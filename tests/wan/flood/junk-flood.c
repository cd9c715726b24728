/*
 * Sends junk datagrams to a UDP port: four kinds in turn, each a different way into a receiver.
 *
 * Usage: junk-flood ADDRESS PORT DATAGRAMS_PER_SECOND SECONDS
 *
 * Prints how many were sent per second, and in all; SIGTERM ends it early. Refuses addresses other than 127.0.0.0/8 and 10.77.0.0/16
 * (loopback, and the emulated links), more than 1,000,000 per second and more than 120 s.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, BYTES_MAX = 1200, SOCKETS = 8 };

static uint64_t state = 88172645463325252ull;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static volatile sig_atomic_t over;

static void end(int signal)
{
    (void)signal;
    over = 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* Random bytes; a sealed packet for nobody; a clear packet of no sense; one that is cut short. */
static size_t make(uint8_t *out, unsigned kind)
{
    size_t bytes = 64 + draw() % 200;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t r = draw();
        memcpy(out + i, &r, 8);
    }
    if (kind == 1) {
        memset(out, 0, 4);
        out[0] = 0x11;
    } else if (kind == 2) {
        memset(out, 0, 8);
        out[0] = 0x10;
        out[16] = 1;
    } else if (kind == 3) {
        out[0] = 0x10;
        bytes = 1 + draw() % 20;
    }
    return bytes;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: junk-flood ADDRESS PORT DATAGRAMS_PER_SECOND SECONDS\n");
        return 2;
    }
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
    uint32_t host = ntohl(to.sin_addr.s_addr);
    int local = host >> 24 == 127 || host >> 16 == (10 << 8 | 77);
    if (!local || rate <= 0 || rate > 1e6 || seconds <= 0 || seconds > 120) {
        fprintf(stderr, "junk-flood: refused\n");
        return 2;
    }
    int sockets[SOCKETS];
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (sockets[i] < 0 || connect(sockets[i], (struct sockaddr *)&to, sizeof to) != 0) return 1;
    }
    static uint8_t bytes[BATCH][BYTES_MAX];
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    memset(headers, 0, sizeof headers);
    signal(SIGTERM, end);
    double start = now();
    uint64_t sent = 0;
    for (int turn = 0;; turn++) {
        double at = now() - start;
        if (over || at >= seconds) break;
        if (sent > rate * at) {
            struct timespec pause = { 0, 100000 };
            nanosleep(&pause, NULL);
            continue;
        }
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){ bytes[i], make(bytes[i], i % 4) };
            headers[i].msg_hdr.msg_iov = &vectors[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        int done = sendmmsg(sockets[turn % SOCKETS], headers, BATCH, MSG_DONTWAIT);
        if (done > 0) sent += done;
    }
    printf("%.0f %llu\n", sent / (now() - start), (unsigned long long)sent);
    return 0;
}
